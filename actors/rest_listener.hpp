#pragma once

#include <functional>
#include <vector>

#include "core/digest.hpp"

namespace graphite {

/// Told of a rest: nothing runs, is queued or on its way to a channel. `held` gives the contents of changed
/// assets that are not shown yet; O(those), callable until the listener returns.
using rest_listener = std::function<void(const std::function<std::vector<digest>()>& held)>;

}  // namespace graphite
