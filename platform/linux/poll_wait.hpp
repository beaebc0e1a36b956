#pragma once

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "core/units.hpp"

namespace graphite {

/// Waits until something can be read of `descriptor`, its end included; false where that takes longer.
inline bool readable_within(int descriptor, milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd wait{descriptor, POLLIN, 0};
    const auto ready = ::poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

}  // namespace graphite
