#include "kernels/byte_compare.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/byte_compare.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <algorithm>
#include <bit>

#include "kernels/simd_target.hpp"

HWY_BEFORE_NAMESPACE();
namespace graphite::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using byte_lanes = hn::CappedTag<std::uint8_t, compared_block_bytes>;
using byte_vec = hn::Vec<byte_lanes>;

HWY_INLINE const std::uint8_t* start_of(byte_span bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

HWY_INLINE byte_vec difference(const std::uint8_t* a, const std::uint8_t* b) {
  const byte_lanes d;
  return hn::Xor(hn::LoadU(d, a), hn::LoadU(d, b));
}

/// Of a block of compared_block_bytes.
HWY_INLINE bool block_differs(const std::uint8_t* a, const std::uint8_t* b) {
  const byte_lanes d;
  auto all = difference(a, b);
  for (auto at = hn::Lanes(d); at < compared_block_bytes; at += hn::Lanes(d))
    all = hn::Or(all, difference(a + at, b + at));
  return !hn::AllTrue(d, hn::Eq(all, hn::Zero(d)));
}

std::size_t equal_prefix(byte_span a, byte_span b) {
  const byte_lanes d;
  const auto size = std::min(a.size(), b.size());
  const auto *x = start_of(a), *y = start_of(b);
  std::size_t at = 0;
  while (at + compared_block_bytes <= size && !block_differs(x + at, y + at)) at += compared_block_bytes;
  for (; at + hn::Lanes(d) <= size; at += hn::Lanes(d)) {
    const auto first = hn::FindFirstTrue(d, hn::Ne(hn::LoadU(d, x + at), hn::LoadU(d, y + at)));
    if (first >= 0) return at + static_cast<std::size_t>(first);
  }
  return at + scalar::equal_prefix(a.first(size).subspan(at), b.first(size).subspan(at));
}

std::size_t equal_suffix(byte_span a, byte_span b) {
  const byte_lanes d;
  const auto size = std::min(a.size(), b.size());
  const auto *x = start_of(a) + a.size(), *y = start_of(b) + b.size();
  std::size_t count = 0;
  const auto behind = [&](std::size_t more) { return count + more; };
  while (count + compared_block_bytes <= size &&
         !block_differs(x - behind(compared_block_bytes), y - behind(compared_block_bytes)))
    count += compared_block_bytes;
  while (count + hn::Lanes(d) <= size &&
         hn::AllTrue(d, hn::Eq(difference(x - behind(hn::Lanes(d)), y - behind(hn::Lanes(d))), hn::Zero(d))))
    count += hn::Lanes(d);
  return count + scalar::equal_suffix(a.last(size).first(size - count), b.last(size).first(size - count));
}

std::size_t differing_blocks(byte_span a, byte_span b, std::span<std::uint64_t> map) {
  const auto *x = start_of(a), *y = start_of(b);
  constexpr auto word_bytes = 64 * compared_block_bytes;
  std::size_t word = 0, out = 0;
  for (; (word + 1) * word_bytes <= a.size(); ++word) {
    std::uint64_t bits = 0;
    for (std::size_t bit = 0; bit < 64; ++bit, x += compared_block_bytes, y += compared_block_bytes)
      bits |= std::uint64_t{block_differs(x, y)} << bit;
    map[word] = bits;
    out += static_cast<std::size_t>(std::popcount(bits));
  }
  const auto done = word * word_bytes;
  return out + scalar::differing_blocks(a.subspan(done), b.subspan(done), map.subspan(word));
}

}  // namespace graphite::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graphite {

HWY_EXPORT(equal_prefix);
HWY_EXPORT(equal_suffix);
HWY_EXPORT(differing_blocks);

std::size_t equal_prefix(byte_span a, byte_span b) {
  if (simd_is_scalar()) return scalar::equal_prefix(a, b);
  return HWY_DYNAMIC_DISPATCH(equal_prefix)(a, b);
}

std::size_t equal_suffix(byte_span a, byte_span b) {
  if (simd_is_scalar()) return scalar::equal_suffix(a, b);
  return HWY_DYNAMIC_DISPATCH(equal_suffix)(a, b);
}

std::size_t differing_blocks(byte_span a, byte_span b, std::span<std::uint64_t> map) {
  if (simd_is_scalar()) return scalar::differing_blocks(a, b, map);
  return HWY_DYNAMIC_DISPATCH(differing_blocks)(a, b, map);
}

}  // namespace graphite
#endif
