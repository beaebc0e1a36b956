#pragma once

#include <string>

#include "runtime/subscriber.hpp"

namespace graphite {

/// Clock readings on this side of a swap, and whose clock it is.
struct swap_clock {
  time_point staged{}, swapped{};
  uuid boot;
};

/// The `swap` event as one line of JSON, without line feed; docs/cli.md documents the fields.
std::string swap_event_json(const generation_swapped& swap, const swap_clock& clock);
/// The same for people, with a line for each failed asset.
std::string swap_event_text(const generation_swapped& swap, const swap_clock& clock);

/// Names of more changed or removed assets than this are left out; `changed_count` is always true.
inline constexpr std::size_t listed_paths_max = 10'000;

/// More assets that are behind than this are left out.
inline constexpr std::size_t listed_behind_max = 20;

}  // namespace graphite
