#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <variant>
#include <vector>

#include "core/attempt.hpp"
#include "node/attempt_phase.hpp"

namespace graphite {

struct slots_options {
  std::uint32_t running_max = 2;        ///< attempts at once
  std::uint32_t queued_max = 4096;      ///< beyond it an assignment is refused
  std::uint32_t settle_batch_max = 64;  ///< results that one sync makes durable
  milliseconds settle_delay{2};         ///< a success waits at most this long for company
};

/// What happens to the slots.
namespace slot_event {
struct assign {
  attempt_spec spec;
};
struct finished {
  attempt_result result;
  bool needs_sync = false;
};
struct synced {
  std::uint64_t batch = 0;
  std::optional<error> failure;
};  ///< answers slot_command::sync
struct cancel {
  action_id action;
  attempt_number attempt;
};
struct epoch {
  epoch_number now;
};  ///< a new reign: attempts of lower ones are cancelled
struct tick {};
}  // namespace slot_event
using slots_event = std::variant<slot_event::assign, slot_event::finished, slot_event::synced,
                                 slot_event::cancel, slot_event::epoch, slot_event::tick>;

/// What the owner must do.
namespace slot_command {
struct start {
  attempt_spec spec;
};  ///< on a pool thread; answer `finished`
struct stop {
  action_id action;
  attempt_number attempt;
};  ///< cancel its token; `finished` still comes
struct sync {
  std::uint64_t batch = 0;
};  ///< chunk_store::sync(); answer `synced`
struct report {
  attempt_result result;
};  ///< to whoever assigned it
struct wake {
  time_point at;
};  ///< send a tick then
}  // namespace slot_command
using slots_command = std::variant<slot_command::start, slot_command::stop, slot_command::sync,
                                   slot_command::report, slot_command::wake>;

/// The attempts of one node: which wait, run, or wait to become durable.
///
/// Pure: time is an argument. Owned by one actor. Invariants: every assigned attempt is reported exactly
/// once; at most `running_max` run; one sync at a time; an attempt of a lower epoch never starts.
/// Bound: queued_max + running_max attempts, plus those of the sync under way and the next.
class slots {
 public:
  explicit slots(slots_options options) : options_(options) {}

  std::vector<slots_command> step(slots_event event, time_point now);

  std::size_t running() const { return running_; }
  std::size_t queued() const { return queue_.size(); }
  /// How many more assignments fit: what a node offers its scheduler.
  std::size_t credit() const;
  /// Attempts that were assigned and not yet reported, ascending by action: what `hello` lists.
  std::vector<std::pair<action_id, attempt_number>> open() const;

 private:
  struct key {
    action_id action;
    attempt_number attempt;
    auto operator<=>(const key&) const = default;
  };
  struct entry {
    attempt_phase phase = attempt_phase::queued;
    epoch_number epoch;
  };
  using commands = std::vector<slots_command>;

  void on(slot_event::assign event, time_point now, commands& out);
  void on(slot_event::finished event, time_point now, commands& out);
  void on(slot_event::synced event, time_point now, commands& out);
  void on(slot_event::cancel event, time_point now, commands& out);
  void on(slot_event::epoch event, time_point now, commands& out);
  void on(slot_event::tick event, time_point now, commands& out);
  void cancel(const key& which, commands& out);
  void start_more(commands& out);
  void sync_if_due(time_point now, commands& out);
  void report(attempt_result result, commands& out);
  void refuse(const attempt_spec& spec, std::string why, commands& out);

  slots_options options_;
  epoch_number epoch_;
  std::size_t running_ = 0;  ///< running and stopping ones
  std::map<key, entry> open_;
  std::deque<attempt_spec> queue_;
  std::vector<attempt_result> unsynced_, syncing_;
  time_point oldest_unsynced_{};
  std::uint64_t batch_ = 0;
};

}  // namespace graphite
