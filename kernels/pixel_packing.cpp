#include "kernels/pixel_codes.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pixel_packing.cpp"
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
using codes = hn::RebindToUnsigned<floats>;
using code_vec = hn::Vec<codes>;

constexpr std::size_t channels_max = 4;

/// The other way round, for codes without other bits.
HWY_INLINE code_vec placed(code_vec code, std::size_t c) {
  return c == 0   ? code
         : c == 1 ? hn::ShiftLeft<8>(code)
         : c == 2 ? hn::ShiftLeft<16>(code)
                  : hn::ShiftLeft<24>(code);
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

#if HWY_TARGET == HWY_AVX3_DL

// Highway has no name for a look-up in several vectors. Here all of packing stays in registers.

constexpr std::size_t codes_a_vector = 64;

template <typename Of>
HWY_INLINE __m512i bytes_of(Of) {
  return _mm512_load_si512(byte_pattern<Of>::bytes.data());
}

/// Every second byte of two vectors of codes in 16 bits.
HWY_INLINE __m512i low_bytes(__m512i first, __m512i second) {
  return _mm512_permutex2var_epi8(first, bytes_of([](unsigned i) { return 2 * i; }), second);
}

/// Indices of 32 values, in 16 bits; the same as indices_of().
HWY_INLINE __m512i words_of(const float* values, __m512 scale) {
  const auto sixteen = [&](const float* from) {
    // Of NaN and zero it takes the second.
    const auto positive = _mm512_max_ps(_mm512_loadu_ps(from), _mm512_setzero_ps());
    const auto clamped = _mm512_min_ps(positive, _mm512_set1_ps(1.0f));
    return _mm512_cvttps_epi32(_mm512_add_ps(_mm512_mul_ps(clamped, scale), _mm512_set1_ps(0.5f)));
  };
  const auto even_words = bytes_of([](unsigned i) { return i % 2 == 0 ? i : 0; });
  return _mm512_permutex2var_epi16(sixteen(values), even_words, sixteen(values + 16));
}

/// A part of code_steps in registers.
struct step_plane {
  explicit HWY_INLINE step_plane(const std::array<std::uint8_t, 512>& bytes) {
    for (std::size_t k = 0; k < 8; ++k) parts[k] = _mm512_loadu_si512(bytes.data() + codes_a_vector * k);
  }

  HWY_INLINE __m512i at(__m512i buckets, __mmask64 bit_7, __mmask64 coarse) const {
    const auto in_256 = [&](const __m512i* some) {
      return _mm512_mask_blend_epi8(bit_7, _mm512_permutex2var_epi8(some[0], buckets, some[1]),
                                    _mm512_permutex2var_epi8(some[2], buckets, some[3]));
    };
    return _mm512_mask_blend_epi8(coarse, in_256(parts), in_256(parts + 4));
  }

  __m512i parts[8];
};

struct step_reader {
  explicit HWY_INLINE step_reader(const code_steps& steps)
      : first(steps.first), step_1(steps.step_1), step_2(steps.step_2) {}

  /// Codes of 64 values.
  HWY_INLINE __m512i read(const float* values, __m512 scale) const {
    __m512i buckets[2], places[2];
    __mmask32 coarse[2];
    for (int k = 0; k < 2; ++k) {
      const auto index = words_of(values + 32 * k, scale);
      const auto fine_places = _mm512_and_si512(index, _mm512_set1_epi16((1 << code_steps::fine_shift) - 1));
      coarse[k] = _mm512_cmpge_epu16_mask(index, _mm512_set1_epi16(code_steps::fine_end));
      buckets[k] = _mm512_mask_srli_epi16(_mm512_srli_epi16(index, code_steps::fine_shift), coarse[k], index,
                                          code_steps::coarse_shift);
      places[k] = _mm512_mask_blend_epi16(
          coarse[k], fine_places,
          _mm512_and_si512(index, _mm512_set1_epi16((1 << code_steps::coarse_shift) - 1)));
    }
    return code_at(low_bytes(buckets[0], buckets[1]), low_bytes(places[0], places[1]),
                   _mm512_kunpackd(coarse[1], coarse[0]));
  }

  /// The code at the bucket's begin, and one more for each step that is not after the place.
  HWY_INLINE __m512i code_at(__m512i buckets, __m512i places, __mmask64 coarse) const {
    const auto bit_7 = _mm512_movepi8_mask(buckets);
    auto code = first.at(buckets, bit_7, coarse);
    for (const auto* step : {&step_1, &step_2}) {
      const auto passed = _mm512_cmpge_epu8_mask(places, step->at(buckets, bit_7, coarse));
      code = _mm512_mask_add_epi8(code, passed, code, _mm512_set1_epi8(1));
    }
    return code;
  }

  step_plane first, step_1, step_2;
};

/// Four rows of 64 codes to 64 pixels; without `Alpha` three, and the last bytes stay.
template <bool Alpha>
HWY_INLINE void store_pixels(const __m512i (&rows)[channels_max], std::uint8_t* rgba) {
  // Unpacking works on quarters: each gets four pixels of each vector that comes out.
  HWY_ALIGN static constexpr std::uint32_t order[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
  const auto from = _mm512_load_si512(order);
  const auto row = [&](int c) { return _mm512_permutexvar_epi32(from, rows[c]); };
  const auto red = row(0), green = row(1), blue = row(2), alpha = row(3);
  const auto low = _mm512_unpacklo_epi8(red, green), low_ends = _mm512_unpacklo_epi8(blue, alpha),
             high = _mm512_unpackhi_epi8(red, green), high_ends = _mm512_unpackhi_epi8(blue, alpha);
  const auto store = [](__m512i pixels, std::uint8_t* to) {
    if (!Alpha) pixels = _mm512_mask_blend_epi8(0x8888888888888888, pixels, _mm512_loadu_si512(to));
    _mm512_storeu_si512(to, pixels);
  };
  store(_mm512_unpacklo_epi16(low, low_ends), rgba);
  store(_mm512_unpackhi_epi16(low, low_ends), rgba + 64);
  store(_mm512_unpacklo_epi16(high, high_ends), rgba + 128);
  store(_mm512_unpackhi_epi16(high, high_ends), rgba + 192);
}

template <bool Alpha>
std::size_t pack_colours(const float* const* rows, std::span<const code_quantizer> channels,
                         std::uint8_t* rgba, std::size_t count) {
  const step_reader steps(*channels[0].steps);
  const auto scale = _mm512_set1_ps(channels[0].scale), alpha_scale = _mm512_set1_ps(channels.back().scale);
  std::size_t i = 0;
  for (; i + codes_a_vector <= count; i += codes_a_vector) {
    __m512i made[channels_max] = {};
    for (std::size_t c = 0; c < 3; ++c) made[c] = steps.read(rows[c] + i, scale);
    if (Alpha)
      made[3] = low_bytes(words_of(rows[3] + i, alpha_scale), words_of(rows[3] + i + 32, alpha_scale));
    store_pixels<Alpha>(made, rgba + 4 * i);
  }
  return i;
}

/// The first pixels, a multiple of 64; returns how many. Zero where the channels are not what mip chains of
/// colours have: three of one table with steps, and perhaps one without.
std::size_t pack_by_steps(const float* const* rows, std::span<const code_quantizer> channels,
                          std::uint8_t* rgba, std::size_t count) {
  if (channels.size() < 3 || !channels[0].steps || channels[1].steps != channels[0].steps ||
      channels[2].steps != channels[0].steps)
    return 0;
  if (channels.size() == 3) return pack_colours<false>(rows, channels, rgba, count);
  return channels[3].table ? 0 : pack_colours<true>(rows, channels, rgba, count);
}

#else

std::size_t pack_by_steps(const float* const*, std::span<const code_quantizer>, std::uint8_t*, std::size_t) {
  return 0;
}

#endif

void pack_pixels(const float* const* rows, std::span<const code_quantizer> channels, std::uint8_t* rgba,
                 std::size_t count) {
  const codes d;
  const auto lanes = hn::Lanes(d);
  const auto others = hn::Set(d, other_bytes(channels.size()));
  half_packed some;
  auto i = pack_by_steps(rows, channels, rgba, count);
  while (i + lanes <= count) {
    auto* const to = rgba + 4 * i;
    const auto now = std::min(half_packed::pixels_max, (count - i) / lanes * lanes);
    for (std::size_t k = 0; k < now; k += lanes) {
      auto pixels = hn::And(hn::LoadU(d, reinterpret_cast<const std::uint32_t*>(to + 4 * k)), others);
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

HWY_EXPORT(pack_pixels);

void pack_pixels(const float* const* rows, std::span<const code_quantizer> channels, std::uint8_t* rgba,
                 std::size_t count) {
  if (simd_is_scalar()) return scalar::pack_pixels(rows, channels, rgba, count);
  HWY_DYNAMIC_DISPATCH(pack_pixels)(rows, channels, rgba, count);
}

}  // namespace graphite
#endif
