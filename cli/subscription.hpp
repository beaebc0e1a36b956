#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/subscriber_state.hpp"
#include "cli/subscription_keys.hpp"
#include "cli/swap_event.hpp"

namespace graphite {

/// What a subscription tells, and asks, in its thread. Its state goes after on_link(null).
class subscription_listener {
 public:
  virtual ~subscription_listener() = default;
  /// The link that is polled from now on, whose wake() makes the subscription look at stopping(); null: it is
  /// about to go.
  virtual void on_link(runtime_link* link) = 0;
  virtual bool stopping() const = 0;
  /// The state is open and shows `active`.
  virtual void on_open(const std::optional<head>& active) = 0;
  /// A generation is shown since just now.
  virtual void on_swap(const generation_swapped& swap, const swap_clock& clock) = 0;
  /// What is behind in it, where on_swap() did not say so.
  virtual void on_behind(const std::optional<behind_list>&) {}
  /// On demand: contents are `here`, or cannot be had; what was fetched for such since the last time.
  virtual void on_contents(const std::vector<digest>&, bool /*here*/, std::uint64_t /*bytes_fetched*/) {}
  /// Called between events. What it wants done, and when to be called again at the latest.
  virtual std::pair<subscriber::commands, time_point> between_events(subscriber& core, instant at) = 0;
};

struct subscription_options {
  std::string from;     ///< HOST:PORT
  std::string channel;  ///< empty: the only one
  std::string into;     ///< for messages, and what is learned of roots
  std::string keys;     ///< folder of `graphite keys ticket`; empty: none
  std::string root;     ///< file of pinned roots; empty: that of `keys`, or nothing has to be signed
  bool on_demand = false;
  std::function<result<std::unique_ptr<subscriber_state>>(state_trust)> open_state;
  /// Absent: made of `keys` beyond loopback, or where told so; else ports without keys.
  std::optional<subscription_keys> curve = std::nullopt;
  bool secure_loopback = false;
};

/// Keeps a state at the newest generation of a channel until it is told to stop: a loop that polls a link and
/// hands what it reads to the state machine, in the calling thread. What is damaged in the state is fetched
/// again: it is opened once more, trusting it less each time. `log` gets what the state machine has to say.
/// Errors: invalid_argument (also where the state is another channel's), permission_denied, corrupt (and it
/// could not be mended), those of open_state, io.
result<void> run_subscription(const subscription_options& options, const hasher& hash, log_sink& log,
                              subscription_listener& listener);

}  // namespace graphite
