#pragma once

#include <array>
#include <string_view>

#include "coordinator/cluster/cluster_types.hpp"

namespace graphite {

/// Why an attempt has to be made again.
enum class retry_cause : std::uint8_t {
  node_lost,    ///< its node died, or was not heard of
  refused,      ///< the node's side failed: a full disk, no memory
  stale_input,  ///< an input's bytes were not those of the spec
  lost_input,   ///< an input's content was nowhere to be had
  handed_back   ///< it had not begun, or its node goes away in good order: costs nothing
};
inline constexpr std::size_t retry_cause_count = 5;

struct retry_options {
  std::array<std::uint8_t, retry_cause_count> budget{8, 6, 4, 2, 255};  ///< by cause: so often again
  std::uint8_t deaths_max =
      3;  ///< so many different nodes died while they ran it: poison; at most deaths_listed_max
  /// Of stale_input, lost_input, and refused but for the first time; doubled each time, up to …
  duration delay = milliseconds(250);
  duration delay_max = seconds(30);
};

/// How often a task was tried again, and for which causes. Kept in its record.
struct retry_history {
  static constexpr std::size_t deaths_listed_max = 4;
  std::array<std::uint8_t, retry_cause_count> counts{};
  std::array<node_index, deaths_listed_max> died{};  ///< the nodes, each once
  std::uint8_t deaths = 0;
};

/// What follows from one more failure.
struct retry_verdict {
  enum class what : std::uint8_t { again, exhausted, poison };
  what next = what::again;
  duration delay{};  ///< of `again`
};

/// Whether and when a task is tried again.
///
/// A node's death blames all attempts that ran on it (not those that waited there). A task blamed by
/// `deaths_max` different nodes is *poison*: it is taken to kill them. So that a bystander is not blamed
/// again and again beside one that kills, a task that one more death would make poison is a *suspect*, and no
/// node runs two suspects at once (placement): then no single killer can bring another task to it. Pure.
class retry_policy {
 public:
  explicit retry_policy(const retry_options& options) : options_(options) {}
  /// `ran`: the attempt had begun; only then does a death blame it.
  retry_verdict judge(retry_history& history, retry_cause cause, node_index on, bool ran) const;
  /// The node had not died after all.
  static void pardon(retry_history& history, node_index node);
  bool suspect(const retry_history& history) const {
    return history.deaths > 0 && history.deaths + 1 >= options_.deaths_max;
  }

 private:
  retry_options options_;
};

/// For people: what used up the budget.
std::string_view to_string(retry_cause cause);

}  // namespace graphite
