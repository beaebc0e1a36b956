#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "coordinator/cluster/learned_rules.hpp"
#include "coordinator/cluster/schedule_types.hpp"
#include "core/messages/control.hpp"

/// \file What goes into a dispatcher and what comes out of it (coordinator/cluster/dispatcher.hpp).

namespace graphite {

/// The caller's number of one connection of a node; never used again.
using link_id = strong_id<struct link_tag>;
/// What many tasks have in common, as the dispatcher knows it; never given out again.
using recipe_id = strong_id<struct recipe_tag>;

/// How many of a rule's attempts run at once in the whole cluster.
struct rule_pool {
  std::uint64_t number = 0;  ///< outlives processes; not 0
  std::uint32_t at_once = 1;
  bool operator==(const rule_pool&) const = default;
};

/// One wish for an action that is ready to run: task_spec, and all that its node needs.
struct dispatch_task {
  job_index job = 0;
  task_class level = task_class::job;
  std::uint64_t cookie = 0;  ///< the caller's own; comes back in `done`
  digest key = {};           ///< as task_spec::key: covers recipe, inputs, outputs and trust domain
  recipe_id recipe;
  logical_path main_input;
  std::vector<attempt_input> inputs = {};  ///< all it may read, main input included, ascending by path
  /// Contents of inputs that are small and new. Whether the stores have them, too, is the caller's affair.
  std::vector<byte_vector> bodies = {};
  std::vector<output_name> outputs = {};
  trace_id trace = {};
  std::uint64_t critical_ns = 0;  ///< these four as in task_spec
  std::uint64_t expected_ns = 0;
  time_point wanted_since{};
  std::uint64_t revision = 0;
};

/// An attempt whose result is one: kept until it is committed and its waiters have been told.
struct finished_attempt {
  digest key;                                 ///< of the task; zero: it has none
  std::shared_ptr<const dispatch_task> task;  ///< as first submitted; null where nobody has asked for it yet
  std::shared_ptr<const std::string> rule;    ///< its name; null with `task`
  control::attempt_end end;
  std::string node;
  std::uint32_t domain = 0;  ///< of that node, from 0
  schedule_commands::assign::why reason = schedule_commands::assign::why::first;
  /// When it was given out (or, of an adopted one, when it began) and when its result was here.
  time_point assigned{}, reported{};
  std::string earlier = {};  ///< what the attempt before this one said, which was no result
};

/// What is to be made durable, all of it or nothing.
struct commit_batch {
  struct entry {
    std::shared_ptr<const finished_attempt> what;
    /// Adopted, and nobody had asked for it when it ended: store it only where its key has no result.
    bool unasked = false;
  };
  std::uint64_t number = 0;  ///< from 1; the same when it is said again
  std::vector<entry> results;
};

namespace dispatch_commands {

/// To the node of this link, in order. Encoded it is below control_limits::message_bytes_max.
struct send {
  link_id link;
  to_node what;
};
/// Close it, once all that was sent has gone out. Nothing more is said of the link, and nothing of it is
/// heard: disconnected() may be left out.
struct hang_up {
  link_id link;
  error why;  ///< for the log; the node was told, too
};
/// Make durable; answered by committed() of its number.
struct commit {
  std::shared_ptr<const commit_batch> what;
};
/// This waiter has what it waited for, durably, or will not get it.
struct done {
  waiter_id waiter = {};
  std::uint64_t cookie = 0;
  job_index job = 0;
  std::uint64_t revision = 0;
  task_end how = task_end::finished;
  std::shared_ptr<const finished_attempt> result = {};  ///< of finished: succeeded or failed
  retry_cause cause = retry_cause::node_lost;           ///< of exhausted
  std::shared_ptr<const std::string> reason = {};       ///< for people, but where it is finished
  std::vector<digest> lost = {};  ///< of exhausted by lost_input: contents of inputs, as nodes said last
  time_point submitted{},
      at{};  ///< this wish, and now: the time between `reported` and this went to the disk
};
/// Two results of one task are not the same.
struct differs {
  std::shared_ptr<const nondeterminism> what;
};
/// No node that is here could ever run actions like this one: they wait for one that can. Said once of a kind
/// of actions until there is one.
struct unplaceable {
  std::shared_ptr<const dispatch_task> task;
  std::shared_ptr<const std::string> rule;
  std::string why;     ///< what is missing
  bool alone = false;  ///< no node is here at all
};
/// A node has joined.
struct node_came {
  std::string name;
  std::shared_ptr<const control::join> offer;
  std::uint64_t adopted = 0;  ///< attempts of earlier sessions that go on
};
/// Its session is over; its attempts go elsewhere.
struct node_lost {
  std::string name, why;
  bool leaving = false;  ///< it had said so
};
/// Nothing of ours is there any more.
struct drained {
  std::string name;
};
/// A node's side fails: its first refusal since an attempt went well there.
struct refuses {
  std::string node, why;
};
/// What remember() tells has changed: write it.
struct remember {};
/// What is known of these rules has changed: write it, lazily.
struct learned {
  std::vector<learned_rules::row> rules;
};
/// A store asks which contents are needed; answer(), or a newer question of its session, follows.
struct asked {
  link_id link;
  std::string node;
  std::shared_ptr<const control::need_question> what;
};
/// What a store has and does.
struct store_told {
  std::string node;
  control::store_state what;
};
/// A later coordinator reigns: nothing is given out any more.
struct deposed {};
/// Call step() then, at the latest; replaces earlier ones.
struct wake_at {
  time_point when;
};

}  // namespace dispatch_commands

using dispatch_command =
    std::variant<dispatch_commands::send, dispatch_commands::hang_up, dispatch_commands::commit,
                 dispatch_commands::done, dispatch_commands::differs, dispatch_commands::unplaceable,
                 dispatch_commands::node_came, dispatch_commands::node_lost, dispatch_commands::drained,
                 dispatch_commands::remember, dispatch_commands::refuses, dispatch_commands::learned,
                 dispatch_commands::asked, dispatch_commands::store_told, dispatch_commands::deposed,
                 dispatch_commands::wake_at>;
using dispatch_command_list = std::vector<dispatch_command>;

struct dispatch_status {
  struct node_status {
    std::string name;
    lease_table::service how = lease_table::service::in;
    std::shared_ptr<const control::join> offer;  ///< null: away
    std::vector<domain_index> domains;           ///< as `schedule` numbers them
    bool leaving = false;
    duration unheard{};  ///< since when; of one that is here
    std::uint64_t unacknowledged = 0;
  };
  struct running_attempt {
    std::shared_ptr<const dispatch_task> task;  ///< null: adopted, nobody has asked for it yet
    std::shared_ptr<const std::string> rule;    ///< null with `task`
    std::string node;
    duration since{};  ///< it was given out
    bool second = false;
  };
  /// Tasks that no node can run.
  struct misfit {
    std::shared_ptr<const control::recipe> recipe;
    std::vector<control::property> platform;
    std::uint64_t count = 0;
  };
  static constexpr std::size_t running_max = 100;
  schedule_status schedule;
  std::vector<running_attempt> running;  ///< the first ones; those that wait at a node included
  std::vector<misfit> misfits;           ///< as in `schedule`; adopted ones are left out
  std::uint32_t copies = 1, stores = 0;
  std::vector<node_status> nodes;  ///< ascending by name; those that are here, or cordoned
  std::uint64_t uncommitted = 0;   ///< results that wait for the disk
  std::string commit_trouble;      ///< why the disk does not take them; empty: it does
};

/// What it holds now. With no task, no link and no recipe in use all are zero.
struct dispatch_counts {
  std::size_t links = 0, sessions = 0, tasks = 0, recipes = 0, uncommitted = 0, held_waiters = 0;
  bool operator==(const dispatch_counts&) const = default;
};

}  // namespace graphite
