#pragma once

#include <algorithm>
#include <cstdint>

#include "core/ports/parallel_calls.hpp"

namespace graphite {

/// Calls `use(first, end)` for bands of `band` rows, of `rows` in all, on several threads. What `use` makes
/// of a row must not depend on where bands begin.
template <class Function>
void for_each_band(parallel_calls& threads, std::uint32_t rows, std::uint32_t band, const Function& use) {
  threads.for_each((std::size_t{rows} + band - 1) / band, [&](std::size_t i) {
    const auto first = static_cast<std::uint32_t>(i) * band;
    use(first, std::min(first + band, rows));
  });
}

}  // namespace graphite
