#pragma once

#include "core/content.hpp"

namespace graphite {

/// Cut sizes of content-defined chunking, in bytes. Part of the format: other values give other chunks.
inline constexpr std::size_t chunk_bytes_min = 16 * KiB;
inline constexpr std::size_t chunk_bytes_normal = 64 * KiB;
inline constexpr std::size_t chunk_bytes_max = 256 * KiB;

/// Length of the first chunk of `bytes`, which is either at least chunk_bytes_max long or the rest of
/// its content. In 1 … chunk_bytes_max; 0 only for empty `bytes`.
///
/// FastCDC with normalised chunking and steps of two bytes: W. Xia et al., "FastCDC: a Fast and Efficient
/// Content-Defined Chunking Approach for Data Deduplication", USENIX ATC 2016, and "The Design of Fast
/// Content-Defined Chunking for Data Deduplication Based Storage Systems", IEEE TPDS 31(9), 2020.
/// Bytes up to the minimum are skipped; then a cut falls behind a byte at which the gear hash is below a
/// bound: one in 2^18 before the normal size, one in 2^14 after it. Pure, thread-safe.
std::size_t gear_cut(byte_span bytes);

/// The same cut one byte at a time: the definition that gear_cut is tested against.
std::size_t gear_cut_scalar(byte_span bytes);

}  // namespace graphite
