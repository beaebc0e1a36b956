#pragma once

#include <functional>

namespace graphite {

/// A function during which every thread of this process passes a full memory barrier (membarrier(2), private
/// expedited): a few microseconds. Empty where the kernel has none or a filter forbids it. Any thread.
std::function<void()> make_heavy_fence();

}  // namespace graphite
