#include "kernels/dense_layer.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dense_layer.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "kernels/activation_polynomial.hpp"
#include "kernels/simd_target.hpp"

HWY_BEFORE_NAMESPACE();
namespace graphite::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <typename D>
HWY_INLINE hn::Vec<D> exp_of(D d, hn::Vec<D> x) {
  const hn::RebindToUnsigned<D> bits;
  const auto bound = hn::Set(d, exponential::bound), least = hn::Set(d, -exponential::bound),
             rounding = hn::Set(d, exponential::rounding);
  x = hn::IfThenElse(hn::Lt(x, least), least, x);
  x = hn::IfThenElse(hn::Gt(x, bound), bound, x);
  const auto shifted = hn::Add(hn::Mul(x, hn::Set(d, exponential::log2_of_e)), rounding);
  const auto n = hn::Sub(shifted, rounding);
  const auto r = hn::Sub(hn::Sub(x, hn::Mul(n, hn::Set(d, exponential::ln2_first))),
                         hn::Mul(n, hn::Set(d, exponential::ln2_second)));
  auto sum = hn::Set(d, exponential::coefficients[0]);
  for (std::size_t i = 1; i < exponential::coefficients.size(); ++i)
    sum = hn::Add(hn::Mul(sum, r), hn::Set(d, exponential::coefficients[i]));
  sum = hn::Add(hn::Add(hn::Mul(sum, hn::Mul(r, r)), r), hn::Set(d, 1.0f));
  const auto power = hn::ShiftLeft<23>(
      hn::Add(hn::Sub(hn::BitCast(bits, shifted), hn::BitCast(bits, rounding)), hn::Set(bits, 127u)));
  return hn::Mul(sum, hn::BitCast(d, power));
}

template <typename D>
HWY_INLINE hn::Vec<D> activated(D d, hn::Vec<D> x, activation act) {
  const auto one = hn::Set(d, 1.0f), two = hn::Set(d, 2.0f);
  switch (act) {
    case activation::identity:
      break;
    case activation::relu:
      return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);
    case activation::sigmoid:
      return hn::Div(one, hn::Add(one, exp_of(d, hn::Sub(hn::Zero(d), x))));
    case activation::tanh:
      return hn::Sub(hn::Div(two, hn::Add(one, exp_of(d, hn::Mul(hn::Set(d, -2.0f), x)))), one);
  }
  return x;
}

/// Some outputs of some vectors of a batch: Rows × Columns vectors of sums stay in registers.
template <std::size_t Rows, std::size_t Columns, typename D>
HWY_INLINE void make_tile(D d, const dense_layer& layer, const float* in, float* out, std::size_t first) {
  const auto lanes = hn::Lanes(d);
  hn::Vec<D> sums[Rows][Columns];
  for (std::size_t c = 0; c < Columns; ++c)
    for (std::size_t r = 0; r < Rows; ++r) sums[r][c] = hn::LoadU(d, layer.bias + first + c * lanes);
  const auto* weights = layer.weights + first;
  for (std::size_t k = 0; k < layer.inputs; ++k, weights += layer.outputs) {
    hn::Vec<D> column[Columns];
    for (std::size_t c = 0; c < Columns; ++c) column[c] = hn::LoadU(d, weights + c * lanes);
    for (std::size_t r = 0; r < Rows; ++r) {
      const auto value = hn::Set(d, in[r * layer.inputs + k]);
      for (std::size_t c = 0; c < Columns; ++c) sums[r][c] = hn::Add(sums[r][c], hn::Mul(column[c], value));
    }
  }
  for (std::size_t r = 0; r < Rows; ++r)
    for (std::size_t c = 0; c < Columns; ++c)
      hn::StoreU(activated(d, sums[r][c], layer.act), d, out + r * layer.outputs + first + c * lanes);
}

/// All outputs, of which there are at least Lanes(d): the last vector overlaps the one before it, in which
/// the same sums are made again.
template <std::size_t Rows, std::size_t Columns, typename D>
HWY_INLINE void make_rows(D d, const dense_layer& layer, const float* in, float* out) {
  const auto lanes = hn::Lanes(d);
  std::size_t o = 0;
  for (; o + Columns * lanes <= layer.outputs; o += Columns * lanes)
    make_tile<Rows, Columns>(d, layer, in, out, o);
  for (; o + lanes <= layer.outputs; o += lanes) make_tile<Rows, 1>(d, layer, in, out, o);
  if (o < layer.outputs) make_tile<Rows, 1>(d, layer, in, out, layer.outputs - lanes);
}

template <typename D>
HWY_INLINE void make_batch(D d, const dense_layer& layer, const float* in, float* out, std::size_t batch) {
  constexpr std::size_t rows = 4;
  for (; batch >= rows; batch -= rows, in += rows * layer.inputs, out += rows * layer.outputs)
    make_rows<rows, HWY_TARGET <= HWY_AVX3 ? 4 : 2>(d, layer, in, out);
  for (; batch > 0; --batch, in += layer.inputs, out += layer.outputs) make_rows<1, 4>(d, layer, in, out);
}

void apply_dense(const dense_layer& layer, const float* in, float* out, std::size_t batch) {
  const hn::ScalableTag<float> full;
  const hn::CappedTag<float, 4> quarter;
  if (layer.outputs >= hn::Lanes(full)) return make_batch(full, layer, in, out, batch);
  if (layer.outputs >= hn::Lanes(quarter)) return make_batch(quarter, layer, in, out, batch);
  scalar::apply_dense(layer, in, out, batch);
}

}  // namespace graphite::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graphite {

HWY_EXPORT(apply_dense);

void apply_dense(const dense_layer& layer, const float* in, float* out, std::size_t batch) {
  if (simd_is_scalar()) return scalar::apply_dense(layer, in, out, batch);
  HWY_DYNAMIC_DISPATCH(apply_dense)(layer, in, out, batch);
}

}  // namespace graphite
#endif
