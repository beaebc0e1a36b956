#include <cmath>

#include "kernels/downsample.hpp"

namespace graphite::scalar {

void average_2x2(const float* upper, const float* lower, float* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    out[i] = ((upper[2 * i] + upper[2 * i + 1]) + (lower[2 * i] + lower[2 * i + 1])) * 0.25f;
}

void weigh_rows(std::span<const float* const> rows, const float* weights, float* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    auto sum = rows[0][i] * weights[0];
    for (std::size_t k = 1; k < rows.size(); ++k) sum = sum + rows[k][i] * weights[k];
    out[i] = sum;
  }
}

void halve_row(const float* in, std::span<const float> weights, float* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    auto sum = in[2 * i] * weights[0];
    for (std::size_t k = 1; k < weights.size(); ++k) sum = sum + in[2 * i + k] * weights[k];
    out[i] = sum;
  }
}

void multiply_row(float* values, const float* by, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) values[i] = values[i] * by[i];
}

void divide_row(float* values, const float* by, float least, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) values[i] = values[i] / (least < by[i] ? by[i] : least);
}

void normalize_rows(float* x, float* y, float* z, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto length = std::sqrt((x[i] * x[i] + y[i] * y[i]) + z[i] * z[i]);
    const bool flat = length < 1e-6f;
    x[i] = (flat ? 0.0f : x[i] / length) * 0.5f + 0.5f;
    y[i] = (flat ? 0.0f : y[i] / length) * 0.5f + 0.5f;
    z[i] = (flat ? 1.0f : z[i] / length) * 0.5f + 0.5f;
  }
}

}  // namespace graphite::scalar
