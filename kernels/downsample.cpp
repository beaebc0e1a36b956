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
  for (; i + lanes <= count; i += lanes) {
    const auto divisors = hn::LoadU(d, by + i);
    // Not hn::Max: what it makes of NaN depends on the target.
    const auto larger = hn::IfThenElse(hn::Lt(bound, divisors), divisors, bound);
    hn::StoreU(hn::Div(hn::LoadU(d, values + i), larger), d, values + i);
  }
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

HWY_EXPORT(average_2x2);
HWY_EXPORT(weigh_rows);
HWY_EXPORT(halve_row);
HWY_EXPORT(multiply_row);
HWY_EXPORT(divide_row);
HWY_EXPORT(normalize_rows);

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
