#pragma once

#include "core/units.hpp"

namespace graphite {

/// Clock readings of one change's way, CLOCK_MONOTONIC; zero: not reached.
struct stage_times {
  time_point edited{};       ///< newest mtime of the change, mapped to the monotonic clock; zero: unknown
  time_point noticed{};      ///< first event read from the kernel
  time_point hashed{};       ///< revision closed, content confirmed
  time_point invalidated{};  ///< stale set known
  time_point scheduled{};    ///< actions handed out
  time_point built{};        ///< last output stored
  time_point published{};    ///< journal record synced
};

}  // namespace graphite
