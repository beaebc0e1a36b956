#pragma once

#include <span>

#include "core/digest.hpp"

namespace graphite {

/// \file Where two ranges of bytes are alike: what a delta keeps, and what it has to carry.
///
/// Vectorised by Google Highway (kernels/simd_target.hpp); the namespace `scalar` has the plain definitions.
/// Pure, thread-safe; no alignment is needed and no byte outside the ranges is read.

/// Bytes that are alike from the first on, at most the shorter length.
std::size_t equal_prefix(byte_span a, byte_span b);

/// Bytes that are alike from the last on, at most the shorter length.
std::size_t equal_suffix(byte_span a, byte_span b);

/// What one bit of differing_blocks stands for.
inline constexpr std::size_t compared_block_bytes = 64;
/// Words of 64 bits that a map of so many bytes has.
constexpr std::size_t block_map_words(std::size_t bytes) {
  return (bytes + 64 * compared_block_bytes - 1) / (64 * compared_block_bytes);
}

/// Sets bit i % 64 of word i / 64 where block i differs, which is the bytes from i · compared_block_bytes on;
/// the last block may be short, bits after it are 0. Gives the number of bits that are set. Both ranges are
/// of one size; `map` has block_map_words(size) words.
std::size_t differing_blocks(byte_span a, byte_span b, std::span<std::uint64_t> map);

namespace scalar {
std::size_t equal_prefix(byte_span a, byte_span b);
std::size_t equal_suffix(byte_span a, byte_span b);
std::size_t differing_blocks(byte_span a, byte_span b, std::span<std::uint64_t> map);
}  // namespace scalar

}  // namespace graphite
