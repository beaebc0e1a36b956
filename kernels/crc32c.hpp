#pragma once

#include "core/digest.hpp"

namespace graphite {

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4) of `bytes` after those whose CRC is `previous`; 0 before the
/// first. crc32c(b, crc32c(a)) is that of a and b in a row. Pure, thread-safe; a few cycles for 16 bytes.
///
/// Folds 128-bit pieces by carry-less multiplication: V. Gopal et al., "Fast CRC Computation for Generic
/// Polynomials Using PCLMULQDQ Instruction", Intel, 2009. Without such an instruction (ssse3): as the twin.
std::uint32_t crc32c(byte_span bytes, std::uint32_t previous = 0);

namespace scalar {
/// Eight bytes a turn by tables: M. Kounavis and F. Berry, "Novel Table Lookup-Based Algorithms for
/// High-Performance CRC Generation", IEEE Transactions on Computers 57(11), 2008.
std::uint32_t crc32c(byte_span bytes, std::uint32_t previous = 0);
}  // namespace scalar

}  // namespace graphite
