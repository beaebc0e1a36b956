#include <algorithm>

#include "kernels/byte_compare.hpp"

namespace graphite::scalar {

std::size_t equal_prefix(byte_span a, byte_span b) {
  const auto size = std::min(a.size(), b.size());
  std::size_t at = 0;
  while (at < size && a[at] == b[at]) ++at;
  return at;
}

std::size_t equal_suffix(byte_span a, byte_span b) {
  const auto size = std::min(a.size(), b.size());
  std::size_t count = 0;
  while (count < size && a[a.size() - 1 - count] == b[b.size() - 1 - count]) ++count;
  return count;
}

std::size_t differing_blocks(byte_span a, byte_span b, std::span<std::uint64_t> map) {
  std::fill(map.begin(), map.end(), 0);
  std::size_t out = 0;
  for (std::size_t at = 0, block = 0; at < a.size(); at += compared_block_bytes, ++block) {
    const auto end = std::min(at + compared_block_bytes, a.size());
    std::byte difference{0};
    for (auto i = at; i < end; ++i) difference |= a[i] ^ b[i];
    if (difference == std::byte{0}) continue;
    map[block / 64] |= std::uint64_t{1} << (block % 64);
    ++out;
  }
  return out;
}

}  // namespace graphite::scalar
