#pragma once

#include <cstdint>
#include <vector>

namespace graphite {

/// Where processors may differ on which the same program runs.
struct processor_traits {
  /// What the approximate reciprocals (x86: rcpps, rsqrtps) give, which each maker defines for itself.
  std::vector<float> reciprocals;
  /// Instructions by which mathematical libraries choose their code.
  bool avx = false, avx2 = false, fma = false;
};

/// Of this processor; empty on architectures that have no such freedom. About 0.1 ms.
processor_traits traits_of_processor();

/// Tells traits apart. Pure.
std::uint64_t mark_of(const processor_traits& traits);

}  // namespace graphite
