#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "core/messages/control.hpp"

namespace graphite {

/// What a node says of itself; fixed for its life.
struct node_agent_options {
  /// `running`, `epoch_seen` and `first_result` are the agent's own.
  control::join offer;
  duration beat_every = seconds(1);
  /// Results that no coordinator has acknowledged: with so many nothing more begins.
  std::size_t unacknowledged_max = 4096;
  /// Of the results that one message carries, about; a single larger one goes alone.
  std::size_t message_bytes = 256 * KiB;
  duration finish_within = seconds(20);     ///< after leave(): what still runs is cancelled then
  duration last_words_within = seconds(5);  ///< after that: results that nobody has acknowledged are given up
};

namespace agent_commands {

struct send {
  to_coordinator what;
};
/// Run it; answered by exactly one ended(), also after a cancel.
struct start {
  std::uint64_t run = 0;  ///< the agent's number of it: its name on the wire may change
  std::uint32_t domain = 0;
  std::shared_ptr<const control::recipe> how;
  std::shared_ptr<const control::assignment> what;
  duration waited = {};  ///< since it came
};
/// Its result is no longer wanted; ended() still comes.
struct cancel {
  std::uint64_t run = 0;
};
/// End the session; dial again, but where `final` says that it would end the same way.
struct hang_up {
  error why;
  bool final = false;
};
/// What its stores and copies are from now on.
struct settle {
  control::settings now;
};
/// What the store has asked.
struct answered {
  control::need_answer what;
};
/// The list of revoked keys, as the coordinator has it.
struct revoke {
  control::revocations list;
};
/// Nothing is left to do after leave().
struct gone {};

}  // namespace agent_commands

using agent_command = std::variant<agent_commands::send, agent_commands::start, agent_commands::cancel,
                                   agent_commands::hang_up, agent_commands::settle, agent_commands::answered,
                                   agent_commands::revoke, agent_commands::gone>;
using agent_command_list = std::vector<agent_command>;

/// A node's side of control sessions: keeps attempts, begins them as its domains have room, and says each
/// result until it is acknowledged.
///
/// Pure: events in, commands out, time as an argument; one thread. What one call commands is done, in order,
/// before the next call. Invariants: a domain never runs more than it offered; the queue of a domain is at
/// most its credit; every attempt that was taken ends in one result that is said until a coordinator
/// acknowledges it or disowns the attempt.
class node_agent {
 public:
  explicit node_agent(node_agent_options options);

  /// Both sides have proved who they are: joins.
  agent_command_list connected(time_point now);
  /// What runs goes on.
  agent_command_list disconnected();
  agent_command_list received(const to_node& message, time_point now);
  /// Attempts that were started have ended, by their runs. The ends' own names are not looked at.
  agent_command_list ended(std::vector<std::pair<std::uint64_t, control::attempt_end>> what, time_point now);
  /// At least each tenth of a second: beats, and results that wait.
  agent_command_list tick(time_point now);
  /// Of its store: said where a session stands, else forgotten; the store says it again.
  agent_command_list ask(control::need_question question);
  agent_command_list tell(const control::store_state& state);
  /// Takes no more: hands back what waits, finishes what runs. Once.
  agent_command_list leave(std::string reason, time_point now);

  struct counts {
    std::size_t waiting = 0, running = 0, unacknowledged = 0;
    bool operator==(const counts&) const = default;
  };
  counts count() const;
  epoch_number epoch_seen() const { return epoch_seen_; }

 private:
  struct attempt {
    std::uint64_t run = 0;
    std::shared_ptr<const control::recipe> how;
    std::shared_ptr<const control::assignment> what;
    attempt_key name;  ///< as the coordinator calls it now
    time_point taken{};
    std::optional<time_point> began;
    bool cancelled = false;  ///< the runner was told
    bool disowned = false;   ///< its result is nobody's
  };
  struct domain {
    std::deque<std::uint64_t> waiting;
    std::size_t held = 0;  ///< attempts of it without a result
    std::uint64_t cpu_milli = 0, memory_bytes = 0;
    std::map<std::string, std::uint64_t> resources;
  };
  struct said {
    std::uint32_t domain = 0;
    std::shared_ptr<const control::recipe> how;
    digest key;
    control::attempt_end what;
  };
  enum class session { none, joining, joined, over };

  void welcomed(const control::welcome& message, agent_command_list& out);
  void settled(const control::settings& message, agent_command_list& out);
  result<void> worked(const control::work& message, time_point now, agent_command_list& out);
  result<void> take(const control::assignment& what, time_point now);
  void stop(const control::stop& what, agent_command_list& out);
  void cancel_running(attempt& one, agent_command_list& out);
  bool acknowledged(std::uint64_t number);
  void hand_back_waiting(const std::string& why);
  void begin_next(time_point now, agent_command_list& out);
  bool fits(const domain& in, const control::domain_offer& offer, const attempt_needs& needs) const;
  void take_end(std::uint64_t run, control::attempt_end what);
  void finish(std::uint64_t run, control::attempt_end what);
  void finish_meanwhile();
  void say_results(agent_command_list& out);
  void look_whether_gone(agent_command_list& out);
  std::vector<control::still_running> running_list(time_point now) const;

  node_agent_options options_;
  session session_ = session::none;
  epoch_number epoch_{}, epoch_seen_{};
  bool draining_ = false;
  std::optional<time_point> leaves_at_;
  bool gone_ = false;
  time_point beat_at_{};
  std::uint64_t next_run_ = 1;
  std::uint64_t first_said_ = 1;  ///< number in this session of the first of said_
  std::size_t sent_ = 0;          ///< of said_, the first ones: sent in this session
  std::array<std::shared_ptr<const control::recipe>, control_limits::recipes_max> recipes_;
  std::vector<domain> domains_;
  std::map<std::uint64_t, attempt> attempts_;     ///< by run
  std::map<attempt_key, std::uint64_t> by_name_;  ///< of attempts_
  std::deque<said> said_;                         ///< unacknowledged, in the order of their numbers
  std::vector<std::uint64_t> joined_with_;  ///< runs as the join listed them, after the results of said_
  /// Between join and welcome: under which names these go on is not known yet.
  std::vector<std::pair<std::uint64_t, control::attempt_end>> ended_meanwhile_;
};

}  // namespace graphite
