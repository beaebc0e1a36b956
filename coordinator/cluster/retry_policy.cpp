#include "coordinator/cluster/retry_policy.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace graphite {

retry_verdict retry_policy::judge(retry_history& history, retry_cause cause, node_index on, bool ran) const {
  using what = retry_verdict::what;
  const auto kind = static_cast<std::size_t>(cause);
  auto& count = history.counts[kind];
  if (cause == retry_cause::node_lost && ran) {
    const auto listed = history.died.begin() + history.deaths;
    const bool again = std::find(history.died.begin(), listed, on) != listed;
    if (!again && history.deaths < retry_history::deaths_listed_max) history.died[history.deaths++] = on;
    if (history.deaths >= options_.deaths_max) return {what::poison, {}};
  }
  if (cause == retry_cause::handed_back || (cause == retry_cause::node_lost && !ran)) return {};
  if (count >= options_.budget[kind]) return {what::exhausted, {}};
  ++count;
  // The node that refused rests (scheduler_options::pause): the first time another one is asked at once.
  const int free_of_delay = cause == retry_cause::refused ? 1 : 0;
  if (cause == retry_cause::node_lost || count <= free_of_delay) return {};
  const auto doublings = std::min<int>(count - free_of_delay - 1, 30);
  return {what::again, std::min(options_.delay * (std::int64_t{1} << doublings), options_.delay_max)};
}

void retry_policy::pardon(retry_history& history, node_index node) {
  const auto listed = history.died.begin() + history.deaths;
  const auto last = std::remove(history.died.begin(), listed, node);
  history.deaths = static_cast<std::uint8_t>(last - history.died.begin());
}

std::string_view to_string(retry_cause cause) {
  switch (cause) {
    case retry_cause::node_lost:
      return "its nodes were lost";
    case retry_cause::refused:
      return "nodes refused it";
    case retry_cause::stale_input:
      return "its inputs had changed";
    case retry_cause::lost_input:
      return "its inputs could not be had";
    case retry_cause::handed_back:
      return "nodes handed it back";
  }
  return "unknown";
}

}  // namespace graphite
