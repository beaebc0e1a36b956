#pragma once

#include <cstdint>

namespace graphite {

/// Tells kinds of processors apart on which the same program may reckon otherwise: what their approximate
/// reciprocals (x86: rcpps, rsqrtps) give, which each maker defines for itself, and whether they have the
/// instructions by which mathematical libraries choose their code (AVX, AVX2, FMA). Equal for processors that
/// agree in all of that. 0 on architectures that have no such freedom. Pure but for the processor; 50 µs.
std::uint64_t processor_arithmetic();

}  // namespace graphite
