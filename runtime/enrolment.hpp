#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/messages/chunks.hpp"
#include "core/ports/log.hpp"
#include "core/ports/transport.hpp"

namespace graphite {

/// When a client of ports with keys shows its tickets, and what it does when it is refused.
///
/// Pure: events in, wishes out; reads no clock. It asks after each new chunk connection, because grants do
/// not outlive the server, and opens the heads connection once it has a grant. Everything that fails is tried
/// again with a growing delay: what was refused may be granted later.
class enrolment {
 public:
  struct options {
    duration answer_timeout = seconds(5);
    duration retry_delay = milliseconds(100), retry_delay_max = seconds(30);
    duration expiring_within = std::chrono::hours(7 * 24);  ///< a grant that ends sooner is warned of
  };
  struct note {
    log_level level = log_level::info;
    std::string text;
  };
  /// What is to be done now.
  struct wishes {
    bool open_chunks = false;    ///< connect to the chunk port (anew)
    bool ask = false;            ///< send the welcome request
    bool open_heads = false;     ///< connect to the heads port (anew)
    bool other_tickets = false;  ///< those that were shown gave nothing: the next ones are shown from now on
    std::vector<note> notes;
  };

  explicit enrolment(options chosen) : options_(chosen) {}

  /// Somebody connects to the chunk port (anew).
  void on_connecting(time_point now);
  wishes on_event(const link_event& event, time_point now);
  /// Absent: what came was no answer.
  wishes on_answer(const std::optional<chunk_reply_header>& answer, time_point now, std::int64_t unix_ns);
  /// There are other tickets from now on: they are shown at once where somebody listens. What was granted
  /// counts on meanwhile, also where they are refused.
  wishes on_tickets(time_point now);
  /// A request was refused for want of a grant.
  wishes on_refused_request(const std::string& why, time_point now);
  wishes on_tick(time_point now, std::int64_t unix_ns);
  /// When on_tick() is to be called at the latest.
  time_point next_deadline() const;

  bool granted() const { return state_ == state::granted; }

 private:
  //             connected                 welcome
  // connecting ───────────► asking ───────────────► granted
  //     ▲                    │  ▲ delay             │ heads refused, request refused
  //     └── no answer ───────┘  └─── waiting ◄──────┘
  //                                     ▲ refused (from asking)
  enum class state { connecting, asking, waiting, granted };

  wishes ask(time_point now);
  void wait(time_point now);
  duration next_delay();
  wishes on_heads(link_event::what happened, time_point now);
  void say(wishes& to, log_level level, std::string text);
  void say_expiry(wishes& to, std::int64_t unix_ns);

  const options options_;
  state state_ = state::connecting;
  bool renewing_ = false;  ///< tickets were shown while others count
  bool chunks_connected_ = false, heads_connected_ = false;
  time_point deadline_ = time_point::max();  ///< of the state
  time_point open_heads_at_ = time_point::max();
  unsigned failures_ = 0;
  std::vector<welcome_reply::grant> grants_;
  bool expiry_said_ = false;
  std::string last_said_;
};

}  // namespace graphite
