#include "kernels/downsample.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/downsample.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

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

/// Channel `c` of as many pixels as there are lanes.
HWY_INLINE code_vec codes_of(const std::uint8_t* rgba, std::size_t c) {
  const codes d;
  const auto pixels = hn::LoadU(d, reinterpret_cast<const std::uint32_t*>(rgba));
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

/// The first pixels, a multiple of the lanes; returns how many.
std::size_t unpack_fractions(const std::uint8_t* rgba, std::size_t c, const code_reader& how, float* out,
                             std::size_t count) {
  const floats d;
  const auto lanes = hn::Lanes(d);
  const auto scale = hn::Set(d, how.scale), offset = hn::Set(d, how.offset),
             divisor = hn::Set(d, how.divisor);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto code = hn::ConvertTo(d, hn::BitCast(wholes(), codes_of(rgba + 4 * i, c)));
    hn::StoreU(hn::Div(hn::Add(hn::Mul(code, scale), offset), divisor), d, out + i);
  }
  return i;
}

#if HWY_TARGET == HWY_AVX3

/// The table in registers: eight look-ups of one in 32, of which the upper bits of the code choose. Highway
/// has no name for a look-up in two vectors.
std::size_t unpack_by_table(const std::uint8_t* rgba, std::size_t c, const code_table& table, float* out,
                            std::size_t count) {
  const floats d;
  const codes whole;
  const auto lanes = hn::Lanes(d);
  vec parts[16];
  for (std::size_t k = 0; k < 16; ++k) parts[k] = hn::LoadU(d, table.data() + 16 * k);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto code = codes_of(rgba + 4 * i, c);
    const auto is_set = [&](std::uint32_t bit) {
      return hn::RebindMask(d, hn::TestBit(code, hn::Set(whole, bit)));
    };
    const auto in_32 = [&](std::size_t k) {
      return vec{_mm512_permutex2var_ps(parts[2 * k].raw, code.raw, parts[2 * k + 1].raw)};
    };
    const auto bit_5 = is_set(32), bit_6 = is_set(64), bit_7 = is_set(128);
    const auto in_64 = [&](std::size_t k) { return hn::IfThenElse(bit_5, in_32(2 * k + 1), in_32(2 * k)); };
    const auto in_128 = [&](std::size_t k) { return hn::IfThenElse(bit_6, in_64(2 * k + 1), in_64(2 * k)); };
    hn::StoreU(hn::IfThenElse(bit_7, in_128(1), in_128(0)), d, out + i);
  }
  return i;
}

#else

// Gathering, where there is such an instruction, is no faster than plain loads.
std::size_t unpack_by_table(const std::uint8_t*, std::size_t, const code_table&, float*, std::size_t) {
  return 0;
}

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

/// What a quantizer's table or the code has its place in.
HWY_INLINE hn::Vec<wholes> indices_of(const float* values, float scale) {
  const floats d;
  const auto clamped = hn::Min(hn::Max(hn::LoadU(d, values), hn::Zero(d)), hn::Set(d, 1.0f));
  return hn::ConvertTo(wholes(), hn::Add(hn::Mul(clamped, hn::Set(d, scale)), hn::Set(d, 0.5f)));
}

/// Codes by table of one channel, each at its place in a pixel: added to what is in `pixels`.
HWY_INLINE void add_by_table(hn::Vec<wholes> indices, const std::uint8_t* table, std::size_t c,
                             std::uint32_t* pixels) {
  HWY_ALIGN std::int32_t index[hn::MaxLanes(floats())];
  hn::Store(indices, wholes(), index);
  for (std::size_t k = 0; k < hn::Lanes(floats()); ++k)
    pixels[k] |= std::uint32_t{table[index[k]]} << (8 * c);
}

void pack_pixels(const float* const* rows, std::span<const code_quantizer> channels, std::uint8_t* rgba,
                 std::size_t count) {
  const codes d;
  const auto lanes = hn::Lanes(d);
  const auto made = channels.size() >= channels_max ? ~0u : (1u << (8 * channels.size())) - 1;
  const auto others = hn::Set(d, ~made);
  HWY_ALIGN std::uint32_t looked_up[hn::MaxLanes(codes())];
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    auto* const to = reinterpret_cast<std::uint32_t*>(rgba + 4 * i);
    auto pixels = made == ~0u ? hn::Zero(d) : hn::And(hn::LoadU(d, to), others);
    hn::Store(hn::Zero(d), d, looked_up);
    for (std::size_t c = 0; c < channels.size(); ++c) {
      const auto indices = indices_of(rows[c] + i, channels[c].scale);
      if (channels[c].table)
        add_by_table(indices, channels[c].table, c, looked_up);
      else
        pixels = hn::Or(pixels, placed(hn::BitCast(d, indices), c));
    }
    pixels = hn::Or(pixels, hn::Load(d, looked_up));
    hn::StoreU(pixels, d, to);
  }
  const float* rest[channels_max];
  for (std::size_t c = 0; c < channels.size(); ++c) rest[c] = rows[c] + i;
  scalar::pack_pixels(rest, channels, rgba + 4 * i, count - i);
}

void average_2x2(const float* upper, const float* lower, float* out, std::size_t count) {
  const floats d;
  const auto lanes = hn::Lanes(d);
  const auto quarter = hn::Set(d, 0.25f);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    vec a, b, c, e;
    hn::LoadInterleaved2(d, upper + 2 * i, a, b);
    hn::LoadInterleaved2(d, lower + 2 * i, c, e);
    hn::StoreU(hn::Mul(hn::Add(hn::Add(a, b), hn::Add(c, e)), quarter), d, out + i);
  }
  scalar::average_2x2(upper + 2 * i, lower + 2 * i, out + i, count - i);
}

void weigh_rows(std::span<const float* const> rows, const float* weights, float* out, std::size_t count) {
  const floats d;
  const auto lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    auto sum = hn::Mul(hn::LoadU(d, rows[0] + i), hn::Set(d, weights[0]));
    for (std::size_t k = 1; k < rows.size(); ++k)
      sum = hn::Add(sum, hn::Mul(hn::LoadU(d, rows[k] + i), hn::Set(d, weights[k])));
    hn::StoreU(sum, d, out + i);
  }
  for (; i < count; ++i) {
    auto sum = rows[0][i] * weights[0];
    for (std::size_t k = 1; k < rows.size(); ++k) sum = sum + rows[k][i] * weights[k];
    out[i] = sum;
  }
}

void halve_row(const float* in, std::span<const float> weights, float* out, std::size_t count) {
  const floats d;
  const auto lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    vec even, odd;
    hn::LoadInterleaved2(d, in + 2 * i, even, odd);
    auto sum = hn::Mul(even, hn::Set(d, weights[0]));
    if (weights.size() > 1) sum = hn::Add(sum, hn::Mul(odd, hn::Set(d, weights[1])));
    for (std::size_t k = 2; k < weights.size(); k += 2) {
      hn::LoadInterleaved2(d, in + 2 * i + k, even, odd);
      sum = hn::Add(sum, hn::Mul(even, hn::Set(d, weights[k])));
      if (k + 1 < weights.size()) sum = hn::Add(sum, hn::Mul(odd, hn::Set(d, weights[k + 1])));
    }
    hn::StoreU(sum, d, out + i);
  }
  scalar::halve_row(in + 2 * i, weights, out + i, count - i);
}

void multiply_row(float* values, const float* by, std::size_t count) {
  const floats d;
  const auto lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    hn::StoreU(hn::Mul(hn::LoadU(d, values + i), hn::LoadU(d, by + i)), d, values + i);
  scalar::multiply_row(values + i, by + i, count - i);
}

void divide_row(float* values, const float* by, float least, std::size_t count) {
  const floats d;
  const auto lanes = hn::Lanes(d);
  const auto bound = hn::Set(d, least);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    hn::StoreU(hn::Div(hn::LoadU(d, values + i), hn::Max(hn::LoadU(d, by + i), bound)), d, values + i);
  scalar::divide_row(values + i, by + i, least, count - i);
}

void normalize_rows(float* x, float* y, float* z, std::size_t count) {
  const floats d;
  const auto lanes = hn::Lanes(d);
  const auto least = hn::Set(d, 1e-6f), half = hn::Set(d, 0.5f), one = hn::Set(d, 1.0f), zero = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto a = hn::LoadU(d, x + i), b = hn::LoadU(d, y + i), c = hn::LoadU(d, z + i);
    const auto length = hn::Sqrt(hn::Add(hn::Add(hn::Mul(a, a), hn::Mul(b, b)), hn::Mul(c, c)));
    const auto flat = hn::Lt(length, least);
    const auto store = [&](vec value, vec otherwise, float* to) {
      const auto unit = hn::IfThenElse(flat, otherwise, hn::Div(value, length));
      hn::StoreU(hn::Add(hn::Mul(unit, half), half), d, to);
    };
    store(a, zero, x + i);
    store(b, zero, y + i);
    store(c, one, z + i);
  }
  scalar::normalize_rows(x + i, y + i, z + i, count - i);
}

}  // namespace graphite::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graphite {

HWY_EXPORT(unpack_pixels);
HWY_EXPORT(pack_pixels);
HWY_EXPORT(average_2x2);
HWY_EXPORT(weigh_rows);
HWY_EXPORT(halve_row);
HWY_EXPORT(multiply_row);
HWY_EXPORT(divide_row);
HWY_EXPORT(normalize_rows);

void unpack_pixels(const std::uint8_t* rgba, std::span<const code_reader> channels, float* const* rows,
                   std::size_t count) {
  if (simd_is_scalar()) return scalar::unpack_pixels(rgba, channels, rows, count);
  HWY_DYNAMIC_DISPATCH(unpack_pixels)(rgba, channels, rows, count);
}

void pack_pixels(const float* const* rows, std::span<const code_quantizer> channels, std::uint8_t* rgba,
                 std::size_t count) {
  if (simd_is_scalar()) return scalar::pack_pixels(rows, channels, rgba, count);
  HWY_DYNAMIC_DISPATCH(pack_pixels)(rows, channels, rgba, count);
}

void average_2x2(const float* upper, const float* lower, float* out, std::size_t count) {
  if (simd_is_scalar()) return scalar::average_2x2(upper, lower, out, count);
  HWY_DYNAMIC_DISPATCH(average_2x2)(upper, lower, out, count);
}

void weigh_rows(std::span<const float* const> rows, const float* weights, float* out, std::size_t count) {
  if (simd_is_scalar()) return scalar::weigh_rows(rows, weights, out, count);
  HWY_DYNAMIC_DISPATCH(weigh_rows)(rows, weights, out, count);
}

void halve_row(const float* in, std::span<const float> weights, float* out, std::size_t count) {
  if (simd_is_scalar()) return scalar::halve_row(in, weights, out, count);
  HWY_DYNAMIC_DISPATCH(halve_row)(in, weights, out, count);
}

void multiply_row(float* values, const float* by, std::size_t count) {
  if (simd_is_scalar()) return scalar::multiply_row(values, by, count);
  HWY_DYNAMIC_DISPATCH(multiply_row)(values, by, count);
}

void divide_row(float* values, const float* by, float least, std::size_t count) {
  if (simd_is_scalar()) return scalar::divide_row(values, by, least, count);
  HWY_DYNAMIC_DISPATCH(divide_row)(values, by, least, count);
}

void normalize_rows(float* x, float* y, float* z, std::size_t count) {
  if (simd_is_scalar()) return scalar::normalize_rows(x, y, z, count);
  HWY_DYNAMIC_DISPATCH(normalize_rows)(x, y, z, count);
}

}  // namespace graphite
#endif
