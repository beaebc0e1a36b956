#include "transforms/mip_filter.hpp"

#include <algorithm>
#include <cmath>

namespace graphite {

namespace {

constexpr double kaiser_lobes = 3, kaiser_alpha = 4;
constexpr double pi = 3.14159265358979323846;
// Fine enough that a code of the darkest, steepest part has five steps.
constexpr std::size_t srgb_steps = 16'383;

/// sin(pi x) / (pi x), by the series after reduction to |x| ≤ 1/2.
double sinc(double x) {
  if (x == 0) return 1;
  const auto whole = std::floor(x + 0.5);
  const auto angle = (x - whole) * pi;
  double term = angle, sum = angle;
  for (int k = 1; k < 12; ++k) sum += term *= -angle * angle / ((2.0 * k) * (2.0 * k + 1));
  const bool odd = static_cast<std::int64_t>(whole) % 2 != 0;
  return (odd ? -sum : sum) / (x * pi);
}

/// The modified Bessel function of order 0.
double bessel_i0(double x) {
  double term = 1, sum = 1;
  for (int k = 1; k < 40; ++k) sum += term *= (x / 2 / k) * (x / 2 / k);
  return sum;
}

/// At `x` pixels of the smaller level from the middle.
double kaiser(double x) {
  const auto t = x / kaiser_lobes;
  if (t <= -1 || t >= 1) return 0;
  return sinc(x) * bessel_i0(kaiser_alpha * std::sqrt(1 - t * t)) / bessel_i0(kaiser_alpha);
}

/// Of pixel `at` of the larger level, for the one whose middle is `middle` and that is `scale` wide.
double weight_at(std::int32_t at, double middle, double scale, mip_filter filter) {
  if (filter == mip_filter::kaiser) return kaiser((at + 0.5 - middle) / scale);
  const auto left = std::max<double>(at, middle - scale / 2);
  const auto right = std::min<double>(at + 1.0, middle + scale / 2);
  return std::max(0.0, right - left);
}

double decoded_srgb(double code) {
  if (code <= 0.04045) return code / 12.92;
  const auto base = (code + 0.055) / 1.055;
  double root = 1;  // of the fifth degree, by Newton's method: base^2.4 = root^12
  for (int k = 0; k < 60; ++k) root -= (root - base / (root * root * root * root)) / 5;
  const auto cube = root * root * root;
  return cube * cube * cube * cube;
}

}  // namespace

filter_taps taps_of(std::uint32_t from, std::uint32_t to, mip_filter filter) {
  filter_taps out;
  if (from == to) {
    out.count = 1;
    for (std::uint32_t i = 0; i < to; ++i) out.first.push_back(static_cast<std::int32_t>(i));
    out.weights.assign(to, 1.0f);
    return out;
  }
  const auto scale = static_cast<double>(from) / to;
  const auto reach = filter == mip_filter::kaiser ? kaiser_lobes * scale : scale / 2;
  out.uniform = from == 2 * to;
  out.count =
      static_cast<std::size_t>(out.uniform ? std::lround(2 * reach) : std::lround(std::ceil(2 * reach)) + 1);
  for (std::uint32_t i = 0; i < (out.uniform ? 1 : to); ++i) {
    const auto middle = (i + 0.5) * scale;
    const auto first = static_cast<std::int32_t>(std::floor(middle - reach));
    std::vector<double> weights;
    double sum = 0;
    for (std::size_t k = 0; k < out.count; ++k) {
      weights.push_back(weight_at(first + static_cast<std::int32_t>(k), middle, scale, filter));
      sum += weights.back();
    }
    out.first.push_back(first);
    for (const auto weight : weights) out.weights.push_back(static_cast<float>(weight / sum));
  }
  return out;
}

const code_table& linear_of_srgb() {
  static const code_table table = [] {
    code_table out;
    for (std::size_t code = 0; code < out.size(); ++code)
      out[code] = static_cast<float>(decoded_srgb(static_cast<double>(code) / 255));
    return out;
  }();
  return table;
}

code_quantizer srgb_quantizer() {
  static const std::vector<std::uint8_t> table = [] {
    std::vector<std::uint8_t> out(srgb_steps + 1);
    std::size_t code = 0;
    for (std::size_t i = 0; i <= srgb_steps; ++i) {
      const auto linear = static_cast<double>(i) / srgb_steps;
      while (code < 255 && decoded_srgb((static_cast<double>(code) + 0.5) / 255) <= linear) ++code;
      out[i] = static_cast<std::uint8_t>(code);
    }
    return out;
  }();
  static const auto steps = steps_of(table);
  return {static_cast<float>(srgb_steps), table.data(), steps ? &*steps : nullptr};
}

}  // namespace graphite
