#include "kernels/pixel_codes.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pixel_codes.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/simd_target.hpp"

HWY_BEFORE_NAMESPACE();
namespace graphite::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using floats = hn::ScalableTag<float>;
using wholes = hn::RebindToSigned<floats>;
using vec = hn::Vec<floats>;
using codes = hn::RebindToUnsigned<floats>;
using code_vec = hn::Vec<codes>;

constexpr std::size_t channels_max = 4;

HWY_INLINE code_vec pixels_at(const std::uint8_t* rgba) {
  return hn::LoadU(codes(), reinterpret_cast<const std::uint32_t*>(rgba));
}

/// Channel `c` of pixels.
HWY_INLINE code_vec codes_of(code_vec pixels, std::size_t c) {
  const codes d;
  const auto moved = c == 0   ? pixels
                     : c == 1 ? hn::ShiftRight<8>(pixels)
                     : c == 2 ? hn::ShiftRight<16>(pixels)
                              : hn::ShiftRight<24>(pixels);
  return hn::And(moved, hn::Set(d, 0xffu));
}

/// The other way round, for codes without other bits.
HWY_INLINE code_vec placed(code_vec code, std::size_t c) {
  return c == 0   ? code
         : c == 1 ? hn::ShiftLeft<8>(code)
         : c == 2 ? hn::ShiftLeft<16>(code)
                  : hn::ShiftLeft<24>(code);
}

/// The nearest float to a whole number below 2^24 over 255 · 2^k. With fused steps two of them correct a
/// product with the reciprocal (P. Markstein, "Computation of elementary functions on the IBM RISC
/// System/6000 processor", 1990); for these divisors the result is that of a division for every numerator.
HWY_INLINE vec quotient(vec numerator, vec divisor, vec reciprocal) {
#if HWY_NATIVE_FMA
  const auto near = hn::Mul(numerator, reciprocal);
  return hn::MulAdd(hn::NegMulAdd(near, divisor, numerator), reciprocal, near);
#else
  (void)reciprocal;
  return hn::Div(numerator, divisor);
#endif
}

/// Reads codes that are fractions. They stay at their place in the pixel, times 2^8 or 2^16 what they are,
/// and so do offset and divisor: the same roundings. `Last`: the channel at which they would be negative.
template <bool Scaled, bool Last>
struct fraction_reader {
  HWY_INLINE fraction_reader(const code_reader& how, std::size_t channel) {
    const auto shift = Last ? 0 : 8 * channel;
    const auto factor = static_cast<float>(1u << shift);
    mask = hn::Set(codes(), 0xffu << shift);
    scale = hn::Set(floats(), how.scale);
    offset = hn::Set(floats(), how.offset * factor);
    divisor = hn::Set(floats(), how.divisor * factor);
    reciprocal = hn::Set(floats(), 1.0f / (how.divisor * factor));
  }

  HWY_INLINE vec read(code_vec pixels) const {
    const auto code = Last ? hn::ShiftRight<24>(pixels) : hn::And(pixels, mask);
    const auto value = hn::ConvertTo(floats(), hn::BitCast(wholes(), code));
    return quotient(Scaled ? hn::Add(hn::Mul(value, scale), offset) : value, divisor, reciprocal);
  }

  code_vec mask;
  vec scale, offset, divisor, reciprocal;
};

/// Calls `call` with the reader for a channel.
template <typename Call>
HWY_INLINE void with_reader(const code_reader& how, std::size_t c, Call call) {
  const bool scaled = how.scale != 1 || how.offset != 0;
  if (c + 1 == channels_max)
    scaled ? call(fraction_reader<true, true>(how, c)) : call(fraction_reader<false, true>(how, c));
  else
    scaled ? call(fraction_reader<true, false>(how, c)) : call(fraction_reader<false, false>(how, c));
}

/// The first pixels, a multiple of the lanes; returns how many.
std::size_t unpack_fractions(const std::uint8_t* rgba, std::size_t c, const code_reader& how, float* out,
                             std::size_t count) {
  const floats d;
  const auto whole = count / hn::Lanes(d) * hn::Lanes(d);
  with_reader(how, c, [=](const auto& reader) {
    for (std::size_t i = 0; i < whole; i += hn::Lanes(floats()))
      hn::StoreU(reader.read(pixels_at(rgba + 4 * i)), floats(), out + i);
  });
  return whole;
}

/// Pixels of two rows, of which pairs are averaged: those at even places and their neighbours.
struct pixel_pairs {
  static constexpr std::size_t pairs_max = 128;
  HWY_ALIGN std::uint32_t even[2][pairs_max];
  HWY_ALIGN std::uint32_t odd[2][pairs_max];

  HWY_INLINE void take(std::size_t row, const std::uint8_t* rgba, std::size_t count) {
    const codes d;
    constexpr std::size_t line_bytes = 64;
    for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
      // What the next call takes: its memory would be waited for after this one's arithmetic.
      for (std::size_t at = 0; at < 8 * hn::Lanes(d); at += line_bytes)
        hwy::Prefetch(rgba + 8 * (i + pairs_max) + at);
      code_vec first, second;
      hn::LoadInterleaved2(d, reinterpret_cast<const std::uint32_t*>(rgba + 8 * i), first, second);
      hn::Store(first, d, even[row] + i);
      hn::Store(second, d, odd[row] + i);
    }
  }
};

HWY_INLINE vec mean(vec a, vec b, vec c, vec d) {
  return hn::Mul(hn::Add(hn::Add(a, b), hn::Add(c, d)), hn::Set(floats(), 0.25f));
}

void average_fractions(const pixel_pairs& some, std::size_t c, const code_reader& how, float* out,
                       std::size_t count) {
  with_reader(how, c, [&](const auto& reader) {
    for (std::size_t i = 0; i < count; i += hn::Lanes(floats())) {
      const auto at = [&](const std::uint32_t* from) { return reader.read(hn::Load(codes(), from + i)); };
      hn::StoreU(mean(at(some.even[0]), at(some.odd[0]), at(some.even[1]), at(some.odd[1])), floats(),
                 out + i);
    }
  });
}

#if HWY_TARGET == HWY_AVX3

// Highway has no name for a look-up in two vectors, which is what makes this faster than plain loads.

constexpr bool tables_fit = true;

/// The upper or the lower halves of a table's floats, in registers.
struct table_halves {
  __m512i parts[8];

  HWY_INLINE __m512i at(__m512i codes, __mmask32 bit_6, __mmask32 bit_7) const {
    const auto in_64 = [&](int k) {
      return _mm512_permutex2var_epi16(parts[2 * k], codes, parts[2 * k + 1]);
    };
    return _mm512_mask_blend_epi16(bit_7, _mm512_mask_blend_epi16(bit_6, in_64(0), in_64(1)),
                                   _mm512_mask_blend_epi16(bit_6, in_64(2), in_64(3)));
  }
};

HWY_INLINE __m512i halves_of(const float* values, int shift) {
  const auto half = [&](const float* from) {
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_loadu_si512(from), static_cast<unsigned>(shift)));
  };
  return _mm512_inserti64x4(_mm512_castsi256_si512(half(values)), half(values + 16), 1);
}

/// A table in registers.
struct table_reader {
  HWY_INLINE explicit table_reader(const code_table& table) {
    for (std::size_t k = 0; k < 8; ++k) {
      upper.parts[k] = halves_of(table.data() + 32 * k, 16);
      lower.parts[k] = halves_of(table.data() + 32 * k, 0);
    }
  }

  /// Both codes at once, side by side in 32 bits.
  HWY_INLINE void read(code_vec first_codes, code_vec second_codes, vec& first, vec& second) const {
    constexpr __mmask32 even = 0x55555555;
    const auto codes = _mm512_or_si512(first_codes.raw, _mm512_slli_epi32(second_codes.raw, 16));
    const auto bit_6 = _mm512_test_epi16_mask(codes, _mm512_set1_epi16(64)),
               bit_7 = _mm512_test_epi16_mask(codes, _mm512_set1_epi16(128));
    const auto high = upper.at(codes, bit_6, bit_7), low = lower.at(codes, bit_6, bit_7);
    first.raw = _mm512_castsi512_ps(_mm512_mask_blend_epi16(even, _mm512_slli_epi32(high, 16), low));
    second.raw = _mm512_castsi512_ps(_mm512_mask_blend_epi16(even, high, _mm512_srli_epi32(low, 16)));
  }

  table_halves upper, lower;
};

std::size_t unpack_by_table(const std::uint8_t* rgba, std::size_t c, const code_table& table, float* out,
                            std::size_t count) {
  const floats d;
  const auto lanes = hn::Lanes(d);
  const table_reader reader(table);
  std::size_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    vec first, second;
    reader.read(codes_of(pixels_at(rgba + 4 * i), c), codes_of(pixels_at(rgba + 4 * (i + lanes)), c), first,
                second);
    hn::StoreU(first, d, out + i);
    hn::StoreU(second, d, out + i + lanes);
  }
  return i;
}

void average_by_table(const pixel_pairs& some, std::size_t c, const code_table& table, float* out,
                      std::size_t count) {
  const codes d;
  const table_reader reader(table);
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    vec values[2][2];
    for (std::size_t row = 0; row < 2; ++row)
      reader.read(codes_of(hn::Load(d, some.even[row] + i), c), codes_of(hn::Load(d, some.odd[row] + i), c),
                  values[row][0], values[row][1]);
    hn::StoreU(mean(values[0][0], values[0][1], values[1][0], values[1][1]), floats(), out + i);
  }
}

#else

// Gathering, where there is such an instruction, is no faster than the plain loads of the twin.
constexpr bool tables_fit = false;

std::size_t unpack_by_table(const std::uint8_t*, std::size_t, const code_table&, float*, std::size_t) {
  return 0;
}

void average_by_table(const pixel_pairs&, std::size_t, const code_table&, float*, std::size_t) {}

#endif

void unpack_pixels(const std::uint8_t* rgba, std::span<const code_reader> channels, float* const* rows,
                   std::size_t count) {
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const auto& how = channels[c];
    const auto done = how.table ? unpack_by_table(rgba, c, *how.table, rows[c], count)
                                : unpack_fractions(rgba, c, how, rows[c], count);
    if (how.table)
      for (auto i = done; i < count; ++i) rows[c][i] = (*how.table)[rgba[4 * i + c]];
    else
      for (auto i = done; i < count; ++i)
        rows[c][i] = (static_cast<float>(rgba[4 * i + c]) * how.scale + how.offset) / how.divisor;
  }
}

void average_pixels(const std::uint8_t* upper, const std::uint8_t* lower,
                    std::span<const code_reader> channels, float* const* rows, std::size_t count) {
  const auto lanes = hn::Lanes(floats());
  pixel_pairs some;
  std::size_t i = 0;
  while (i + lanes <= count) {
    const auto now = std::min(pixel_pairs::pairs_max, (count - i) / lanes * lanes);
    some.take(0, upper + 8 * i, now);
    some.take(1, lower + 8 * i, now);
    std::array<float*, channels_max> to;
    for (std::size_t c = 0; c < channels.size(); ++c) to[c] = rows[c] + i;
    for (std::size_t c = 0; c < channels.size(); ++c)
      if (!channels[c].table)
        average_fractions(some, c, channels[c], rows[c] + i, now);
      else if (tables_fit)
        average_by_table(some, c, *channels[c].table, rows[c] + i, now);
      else
        scalar::average_pixels(upper + 8 * i + c, lower + 8 * i + c, channels.subspan(c, 1), to.data() + c,
                               now);
    i += now;
  }
  float* rest[channels_max];
  for (std::size_t c = 0; c < channels.size(); ++c) rest[c] = rows[c] + i;
  scalar::average_pixels(upper + 8 * i, lower + 8 * i, channels, rest, count - i);
}

/// What a quantizer's table or the code has its place in.
HWY_INLINE hn::Vec<wholes> indices_of(const float* values, float scale) {
  const floats d;
  const auto some = hn::LoadU(d, values);
  // Not hn::Max: what it makes of NaN depends on the target.
  const auto positive = hn::IfThenElseZero(hn::Gt(some, hn::Zero(d)), some);
  const auto clamped = hn::Min(positive, hn::Set(d, 1.0f));
  return hn::ConvertTo(wholes(), hn::Add(hn::Mul(clamped, hn::Set(d, scale)), hn::Set(d, 0.5f)));
}

/// Some pixels on their way to memory: what has no table is in place, of the rest there are the indices.
/// So many that what vectors stored is no longer on its way when single numbers of it are read.
struct half_packed {
  static constexpr std::size_t pixels_max = 128;
  HWY_ALIGN std::int32_t index[channels_max][pixels_max];
  HWY_ALIGN std::uint32_t pixels[pixels_max];

  /// Adds the codes by table, each at its place.
  void finish(std::span<const code_quantizer> channels, std::uint8_t* to, std::size_t count) {
    std::size_t tables = 0;
    for (const auto& one : channels) tables += one.table ? 1 : 0;
    if (tables == 3 && channels[0].table && channels[1].table && channels[2].table) {
      const auto *reds = channels[0].table, *greens = channels[1].table, *blues = channels[2].table;
      for (std::size_t k = 0; k < count; ++k) {
        const auto pixel = pixels[k] | reds[index[0][k]] | std::uint32_t{greens[index[1][k]]} << 8 |
                           std::uint32_t{blues[index[2][k]]} << 16;
        std::memcpy(to + 4 * k, &pixel, sizeof pixel);
      }
      return;
    }
    for (std::size_t c = 0; c < channels.size(); ++c)
      for (std::size_t k = 0; channels[c].table && k < count; ++k)
        pixels[k] |= std::uint32_t{channels[c].table[index[c][k]]} << (8 * c);
    std::memcpy(to, pixels, 4 * count);
  }
};

/// Bits of a pixel that no channel is for.
std::uint32_t other_bytes(std::size_t channels) {
  return channels >= channels_max ? 0 : ~std::uint32_t{0} << (8 * channels);
}

void pack_pixels(const float* const* rows, std::span<const code_quantizer> channels, std::uint8_t* rgba,
                 std::size_t count) {
  const codes d;
  const auto lanes = hn::Lanes(d);
  const auto others = hn::Set(d, other_bytes(channels.size()));
  half_packed some;
  std::size_t i = 0;
  while (i + lanes <= count) {
    auto* const to = rgba + 4 * i;
    const auto now = std::min(half_packed::pixels_max, (count - i) / lanes * lanes);
    for (std::size_t k = 0; k < now; k += lanes) {
      auto pixels = hn::And(pixels_at(to + 4 * k), others);
      for (std::size_t c = 0; c < channels.size(); ++c) {
        const auto indices = indices_of(rows[c] + i + k, channels[c].scale);
        if (channels[c].table)
          hn::Store(indices, wholes(), some.index[c] + k);
        else
          pixels = hn::Or(pixels, placed(hn::BitCast(d, indices), c));
      }
      hn::Store(pixels, d, some.pixels + k);
    }
    some.finish(channels, to, now);
    i += now;
  }
  const float* rest[channels_max];
  for (std::size_t c = 0; c < channels.size(); ++c) rest[c] = rows[c] + i;
  scalar::pack_pixels(rest, channels, rgba + 4 * i, count - i);
}

}  // namespace graphite::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graphite {

HWY_EXPORT(unpack_pixels);
HWY_EXPORT(average_pixels);
HWY_EXPORT(pack_pixels);

void unpack_pixels(const std::uint8_t* rgba, std::span<const code_reader> channels, float* const* rows,
                   std::size_t count) {
  if (simd_is_scalar()) return scalar::unpack_pixels(rgba, channels, rows, count);
  HWY_DYNAMIC_DISPATCH(unpack_pixels)(rgba, channels, rows, count);
}

void average_pixels(const std::uint8_t* upper, const std::uint8_t* lower,
                    std::span<const code_reader> channels, float* const* rows, std::size_t count) {
  if (simd_is_scalar()) return scalar::average_pixels(upper, lower, channels, rows, count);
  HWY_DYNAMIC_DISPATCH(average_pixels)(upper, lower, channels, rows, count);
}

void pack_pixels(const float* const* rows, std::span<const code_quantizer> channels, std::uint8_t* rgba,
                 std::size_t count) {
  if (simd_is_scalar()) return scalar::pack_pixels(rows, channels, rgba, count);
  HWY_DYNAMIC_DISPATCH(pack_pixels)(rows, channels, rgba, count);
}

}  // namespace graphite
#endif
