#include "cli/swap_event.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace graphite {
namespace {

using json = nlohmann::ordered_json;

json paths(const std::vector<logical_path>& from) {
  json out = json::array();
  for (std::size_t i = 0; i < from.size() && i < listed_paths_max; ++i) out.push_back(from[i].str());
  return out;
}

/// Null where one of them was not reached.
json micros(time_point from, time_point to) {
  if (from == time_point{} || to == time_point{}) return nullptr;
  return std::chrono::duration_cast<microseconds>(to - from).count();
}

json stages(const announced_times& t, const swap_clock& clock, bool same_clock) {
  json out;
  out["notice"] = micros(t.edited, t.hashed);
  out["invalidate"] = micros(t.hashed, t.invalidated);
  out["schedule"] = micros(t.invalidated, t.scheduled);
  out["build"] = micros(t.scheduled, t.built);
  out["publish"] = micros(std::max({t.invalidated, t.scheduled, t.built}), t.published);
  out["fetch"] = same_clock ? micros(t.published, clock.staged) : json(nullptr);
  out["swap"] = micros(clock.staged, clock.swapped);
  return out;
}

const char* reason_text(behind_asset::why reason) {
  switch (reason) {
    case behind_asset::why::building:
      return "building";
    case behind_asset::why::failed:
      return "failed";
    default:
      return "held";
  }
}

/// Null where it could not be had.
json behind(const std::optional<behind_list>& from) {
  if (!from) return nullptr;
  json listed = json::array();
  for (std::size_t i = 0; i < from->listed.size() && i < listed_behind_max; ++i) {
    const auto& asset = from->listed[i];
    listed.push_back(
        {{"path", asset.path.str()}, {"reason", reason_text(asset.reason)}, {"message", asset.message}});
  }
  return {{"count", from->count}, {"listed", std::move(listed)}};
}

/// One line of text from another machine, with nothing in it that a terminal would obey.
std::string first_line(const std::string& text) {
  std::string out = text.substr(0, std::min<std::size_t>(text.find('\n'), 300));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 32 || c == 127; }, ' ');
  return out;
}

std::string behind_text(const std::optional<behind_list>& from) {
  std::string out;
  if (!from || from->count == 0) return out;
  std::size_t told = 0;
  for (const auto& asset : from->listed)
    if (asset.reason == behind_asset::why::failed && told++ < listed_behind_max)
      out += fmt::format("\n  failed: {}: {}", asset.path.str(), first_line(asset.message));
  if (told > listed_behind_max) out += fmt::format("\n  and {} more that failed", told - listed_behind_max);
  if (from->count > told)
    out += fmt::format("\n  {} more are not as new as their sources", from->count - told);
  return out;
}

bool comparable(const generation_swapped& swap, const swap_clock& clock) {
  return swap.clock == clock.boot && clock.boot != uuid{};
}

}  // namespace

std::string swap_event_json(const generation_swapped& swap, const swap_clock& clock) {
  const bool same = comparable(swap, clock);
  json out;
  out["event"] = "swap";
  out["channel"] = swap.now.channel;
  out["epoch"] = swap.now.epoch.value;
  out["sequence"] = swap.now.sequence.value;
  out["root"] = to_hex(swap.now.root);
  out["changed"] = paths(swap.changed);
  out["removed"] = paths(swap.removed);
  out["changed_count"] = swap.changed.size();
  out["removed_count"] = swap.removed.size();
  out["behind"] = behind(swap.behind);
  out["bytes_fetched"] = swap.bytes_fetched;
  out["revision"] = swap.now.revision.value;
  out["swapped_at_ns"] = to_ns(clock.swapped);
  out["stages_us"] = stages(swap.times, clock, same);
  out["edit_to_swap_us"] = same ? micros(swap.times.edited, clock.swapped) : json(nullptr);
  out["trace"] = swap.trace.value;
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string swap_event_text(const generation_swapped& swap, const swap_clock& clock) {
  std::string out = fmt::format("{} {}.{}: {} changed, {} removed, {} bytes fetched", swap.now.channel,
                                swap.now.epoch.value, swap.now.sequence.value, swap.changed.size(),
                                swap.removed.size(), swap.bytes_fetched);
  if (comparable(swap, clock) && swap.times.edited != time_point{})
    out += fmt::format(", {:.1f} ms after the edit",
                       static_cast<double>((clock.swapped - swap.times.edited).count()) / 1e6);
  return out + behind_text(swap.behind);
}

}  // namespace graphite
