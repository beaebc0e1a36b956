#include "kernels/crc32c.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/crc32c.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "kernels/crc32c_polynomial.hpp"
#include "kernels/simd_target.hpp"

HWY_BEFORE_NAMESPACE();
namespace graphite::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SSSE3 || HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

std::uint32_t crc32c(byte_span bytes, std::uint32_t previous) { return scalar::crc32c(bytes, previous); }

#else

using pieces = hn::FixedTag<std::uint64_t, 2>;
using piece = hn::Vec<pieces>;

// So many pieces of 16 bytes are folded beside each other: enough to hide what a multiplication takes.
constexpr std::size_t columns = 8;
constexpr std::size_t piece_bytes = 16;

/// Multiplied with what lies `bits` before the place to fold to. The product of two reflected numbers is one
/// place short, and the first half of a piece is 64 places further on.
struct distance {
  explicit constexpr distance(unsigned bits)
      : first(std::uint64_t{castagnoli::x_to(bits + 63)} << 32),
        second(std::uint64_t{castagnoli::x_to(bits - 1)} << 32) {}
  std::uint64_t first, second;
};

HWY_INLINE piece load(const std::uint8_t* from) {
  const hn::Repartition<std::uint8_t, pieces> bytes;
  return hn::BitCast(pieces(), hn::LoadU(bytes, from));
}

HWY_INLINE piece both(const distance& by) {
  HWY_ALIGN const std::uint64_t halves[2] = {by.first, by.second};
  return hn::Load(pieces(), halves);
}

/// `what`, moved on, and the bytes that are there.
HWY_INLINE piece fold(piece what, piece by, piece there) {
  return hn::Xor(hn::Xor(hn::CLMulLower(what, by), hn::CLMulUpper(what, by)), there);
}

std::uint32_t crc32c(byte_span bytes, std::uint32_t previous) {
  constexpr auto turn_bytes = columns * piece_bytes;
  if (bytes.size() < turn_bytes) return scalar::crc32c(bytes, previous);
  static constexpr distance a_turn(8 * turn_bytes), a_piece(8 * piece_bytes);
  const auto* at = reinterpret_cast<const std::uint8_t*>(bytes.data());
  auto left = bytes.size() - turn_bytes;
  HWY_ALIGN const std::uint64_t start[2] = {static_cast<std::uint32_t>(~previous), 0};
  piece sums[columns];
  for (std::size_t i = 0; i < columns; ++i) sums[i] = load(at + piece_bytes * i);
  sums[0] = hn::Xor(sums[0], hn::Load(pieces(), start));
  const auto by_turn = both(a_turn), by_piece = both(a_piece);
  for (at += turn_bytes; left >= turn_bytes; left -= turn_bytes, at += turn_bytes)
    for (std::size_t i = 0; i < columns; ++i) sums[i] = fold(sums[i], by_turn, load(at + piece_bytes * i));
  auto sum = sums[0];
  for (std::size_t i = 1; i < columns; ++i) sum = fold(sum, by_piece, sums[i]);
  for (; left >= piece_bytes; left -= piece_bytes, at += piece_bytes) sum = fold(sum, by_piece, load(at));
  // What is left stands for 16 bytes after which nothing was: their CRC from zeros, then that of the rest.
  HWY_ALIGN std::uint64_t words[2];
  hn::Store(sum, pieces(), words);
  const auto folded = scalar::crc32c(std::as_bytes(std::span(words)), ~std::uint32_t{0});
  return scalar::crc32c(bytes.last(left), folded);
}

#endif

}  // namespace graphite::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graphite {

HWY_EXPORT(crc32c);

std::uint32_t crc32c(byte_span bytes, std::uint32_t previous) {
  if (simd_is_scalar()) return scalar::crc32c(bytes, previous);
  return HWY_DYNAMIC_DISPATCH(crc32c)(bytes, previous);
}

}  // namespace graphite
#endif
