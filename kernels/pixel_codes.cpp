#include "kernels/pixel_codes.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pixel_codes.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/byte_pattern.hpp"
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

// Highway has no name for a look-up in several vectors, which is what makes this faster than plain loads.

#if HWY_TARGET == HWY_AVX3_DL

constexpr bool tables_fit = true;

/// One byte of each of a table's floats.
struct table_plane {
  __m512i parts[4];

  HWY_INLINE __m512i at(__m512i codes, __mmask64 bit_7) const {
    return _mm512_mask_blend_epi8(bit_7, _mm512_permutex2var_epi8(parts[0], codes, parts[1]),
                                  _mm512_permutex2var_epi8(parts[2], codes, parts[3]));
  }
};

/// A table in registers, looked up byte by byte.
struct table_reader {
  table_reader() = default;

  HWY_INLINE explicit table_reader(const code_table& table) {
    for (int byte = 0; byte < 4; ++byte) {
      const auto every_fourth = _mm512_add_epi8(bytes_of([](unsigned i) { return 4 * i % 128; }),
                                                _mm512_set1_epi8(static_cast<char>(byte)));
      for (int part = 0; part < 4; ++part) {
        const auto* const from = table.data() + 64 * part;
        const auto half = [&](const float* some) {
          return _mm512_castsi512_si256(_mm512_permutex2var_epi8(_mm512_loadu_si512(some), every_fourth,
                                                                 _mm512_loadu_si512(some + 16)));
        };
        planes[byte].parts[part] = _mm512_inserti64x4(_mm512_castsi256_si512(half(from)), half(from + 32), 1);
      }
    }
  }

  /// What channel `c` of four vectors of pixels stands for.
  HWY_INLINE void read(const code_vec (&pixels)[4], std::size_t c, vec (&out)[4]) const {
    const auto codes = side_by_side(pixels, c);
    const auto bit_7 = _mm512_movepi8_mask(codes);
    const auto first = planes[0].at(codes, bit_7), second = planes[1].at(codes, bit_7),
               third = planes[2].at(codes, bit_7), last = planes[3].at(codes, bit_7);
    const auto low = _mm512_unpacklo_epi8(first, second), low_ends = _mm512_unpacklo_epi8(third, last),
               high = _mm512_unpackhi_epi8(first, second), high_ends = _mm512_unpackhi_epi8(third, last);
    out[0].raw = _mm512_castsi512_ps(_mm512_unpacklo_epi16(low, low_ends));
    out[1].raw = _mm512_castsi512_ps(_mm512_unpackhi_epi16(low, low_ends));
    out[2].raw = _mm512_castsi512_ps(_mm512_unpacklo_epi16(high, high_ends));
    out[3].raw = _mm512_castsi512_ps(_mm512_unpackhi_epi16(high, high_ends));
  }

  table_plane planes[4];

 private:
  template <typename Of>
  static HWY_INLINE __m512i bytes_of(Of) {
    return _mm512_load_si512(byte_pattern<Of>::bytes.data());
  }

  /// Of each four pixels the codes of one vector after another: what unpacking turns into vectors again.
  static HWY_INLINE __m512i side_by_side(const code_vec (&pixels)[4], std::size_t c) {
    // Four of a vector, four of its neighbour, the same again.
    const auto places = bytes_of([](unsigned i) { return 16 * (i / 16) + 4 * (i % 4) + 64 * (i / 4 % 2); });
    const auto from = _mm512_add_epi8(places, _mm512_set1_epi8(static_cast<char>(c)));
    return _mm512_mask_blend_epi64(0xaa, _mm512_permutex2var_epi8(pixels[0].raw, from, pixels[1].raw),
                                   _mm512_permutex2var_epi8(pixels[2].raw, from, pixels[3].raw));
  }
};

#elif HWY_TARGET == HWY_AVX3

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
  table_reader() = default;

  HWY_INLINE explicit table_reader(const code_table& table) {
    for (std::size_t k = 0; k < 8; ++k) {
      upper.parts[k] = halves_of(table.data() + 32 * k, 16);
      lower.parts[k] = halves_of(table.data() + 32 * k, 0);
    }
  }

  /// What channel `c` of four vectors of pixels stands for.
  HWY_INLINE void read(const code_vec (&pixels)[4], std::size_t c, vec (&out)[4]) const {
    for (std::size_t k = 0; k < 4; k += 2)
      read_two(codes_of(pixels[k], c), codes_of(pixels[k + 1], c), out[k], out[k + 1]);
  }

  /// Both codes at once, side by side in 32 bits.
  HWY_INLINE void read_two(code_vec first_codes, code_vec second_codes, vec& first, vec& second) const {
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

#else

// Gathering, where there is such an instruction, is no faster than the plain loads of the twin.
constexpr bool tables_fit = false;

struct table_reader {
  table_reader() = default;
  explicit table_reader(const code_table&) {}
  void read(const code_vec (&)[4], std::size_t, vec (&)[4]) const {}
};

#endif

/// The tables of some channels, each one loaded once.
struct table_readers {
  explicit table_readers(std::span<const code_reader> channels) {
    for (std::size_t c = 0; tables_fit && c < channels.size(); ++c) {
      if (!channels[c].table) continue;
      place[c] = c;
      for (std::size_t other = 0; other < c; ++other)
        if (channels[other].table == channels[c].table) place[c] = place[other];
      if (place[c] == c) held[c] = table_reader(*channels[c].table);
    }
  }

  const table_reader& of(std::size_t c) const { return held[place[c]]; }

  table_reader held[channels_max];
  std::size_t place[channels_max] = {};
};

/// The first pixels, a multiple of four vectors; returns how many.
std::size_t unpack_by_table(const std::uint8_t* rgba, std::size_t c, const table_reader& table, float* out,
                            std::size_t count) {
  const floats d;
  const auto reader = table;  // stores could change the other: a copy stays in registers
  const auto lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    code_vec pixels[4];
    vec values[4];
    for (std::size_t k = 0; k < 4; ++k) pixels[k] = pixels_at(rgba + 4 * (i + k * lanes));
    reader.read(pixels, c, values);
    for (std::size_t k = 0; k < 4; ++k) hn::StoreU(values[k], d, out + i + k * lanes);
  }
  return i;
}

void average_by_table(const pixel_pairs& some, std::size_t c, const table_reader& table, float* out,
                      std::size_t count) {
  const codes d;
  const auto reader = table;
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    const code_vec pixels[4] = {hn::Load(d, some.even[0] + i), hn::Load(d, some.odd[0] + i),
                                hn::Load(d, some.even[1] + i), hn::Load(d, some.odd[1] + i)};
    vec values[4];
    reader.read(pixels, c, values);
    hn::StoreU(mean(values[0], values[1], values[2], values[3]), floats(), out + i);
  }
}

void unpack_pixels(const std::uint8_t* rgba, std::span<const code_reader> channels, float* const* rows,
                   std::size_t count) {
  const table_readers tables(channels);
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const auto& how = channels[c];
    std::size_t done = 0;
    if (!how.table)
      done = unpack_fractions(rgba, c, how, rows[c], count);
    else if (tables_fit)
      done = unpack_by_table(rgba, c, tables.of(c), rows[c], count);
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
  const table_readers tables(channels);
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
        average_by_table(some, c, tables.of(c), rows[c] + i, now);
      else
        scalar::average_pixels(upper + 8 * i + c, lower + 8 * i + c, channels.subspan(c, 1), to.data() + c,
                               now);
    i += now;
  }
  float* rest[channels_max];
  for (std::size_t c = 0; c < channels.size(); ++c) rest[c] = rows[c] + i;
  scalar::average_pixels(upper + 8 * i, lower + 8 * i, channels, rest, count - i);
}

}  // namespace graphite::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graphite {

HWY_EXPORT(unpack_pixels);
HWY_EXPORT(average_pixels);

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

}  // namespace graphite
#endif
