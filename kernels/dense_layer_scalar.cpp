#include <bit>
#include <cstdint>

#include "kernels/activation_polynomial.hpp"
#include "kernels/dense_layer.hpp"

namespace graphite::scalar {

namespace {

float clamped(float x) {
  x = x < -exponential::bound ? -exponential::bound : x;
  return x > exponential::bound ? exponential::bound : x;
}

float exp_of(float x) {
  x = clamped(x);
  const auto shifted = x * exponential::log2_of_e + exponential::rounding;
  const auto n = shifted - exponential::rounding;
  const auto r = (x - n * exponential::ln2_first) - n * exponential::ln2_second;
  auto sum = exponential::coefficients[0];
  for (std::size_t i = 1; i < exponential::coefficients.size(); ++i)
    sum = sum * r + exponential::coefficients[i];
  sum = (sum * (r * r) + r) + 1.0f;
  const auto power =
      (std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(exponential::rounding) + 127u)
      << 23;
  return sum * std::bit_cast<float>(power);
}

float activated(float x, activation act) {
  switch (act) {
    case activation::identity:
      return x;
    case activation::relu:
      return x < 0 ? 0 : x;
    case activation::sigmoid:
      return 1.0f / (1.0f + exp_of(0.0f - x));
    case activation::tanh:
      return 2.0f / (1.0f + exp_of(-2.0f * x)) - 1.0f;
  }
  return x;
}

}  // namespace

void apply_dense(const dense_layer& layer, const float* in, float* out, std::size_t batch) {
  for (std::size_t row = 0; row < batch; ++row, in += layer.inputs, out += layer.outputs) {
    for (std::size_t o = 0; o < layer.outputs; ++o) out[o] = layer.bias[o];
    for (std::size_t k = 0; k < layer.inputs; ++k) {
      const auto* weights = layer.weights + k * layer.outputs;
      for (std::size_t o = 0; o < layer.outputs; ++o) out[o] = out[o] + weights[o] * in[k];
    }
    for (std::size_t o = 0; o < layer.outputs; ++o) out[o] = activated(out[o], layer.act);
  }
}

}  // namespace graphite::scalar
