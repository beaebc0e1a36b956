#include "transforms/waveform.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace graphite {

namespace {

using pixel = std::array<std::uint8_t, 4>;
constexpr pixel light{122, 176, 222, 255}, strong{28, 92, 158, 255};

struct column_range {
  float low = 0, high = 0, mean = 0;  ///< the last: root mean square
};

/// Of the frames from `begin` to `end`.
column_range range_of(std::span<const float> frames, std::size_t channels, std::size_t begin,
                      std::size_t end) {
  if (begin == end) return {};
  column_range out{1, -1, 0};
  double squares = 0;
  for (auto frame = begin; frame < end; ++frame) {
    float sum = 0;
    for (std::size_t i = 0; i < channels; ++i) sum += frames[frame * channels + i];
    const auto value = sum / static_cast<float>(channels);
    const auto sample = value >= -1  ? std::min(value, 1.0F)
                        : value < -1 ? -1.0F
                                     : 0.0F;  // no number: silence
    out.low = std::min(out.low, sample);
    out.high = std::max(out.high, sample);
    squares += static_cast<double>(sample) * sample;
  }
  out.mean = static_cast<float>(std::sqrt(squares / static_cast<double>(end - begin)));
  return out;
}

/// The row of a level from -1, the last, to 1, the first.
std::uint32_t row_of(float level, std::uint32_t height) {
  return static_cast<std::uint32_t>(std::lround((1.0F - level) * 0.5F * static_cast<float>(height - 1)));
}

}  // namespace

result<byte_vector> draw_waveform(std::span<const float> frames, std::uint32_t channels, waveform_size size) {
  if (channels == 0 || frames.size() % channels != 0 || size.width == 0 || size.height == 0)
    return fail(errc::invalid_argument, "a waveform without size, or of parts of frames");
  if (size.width > waveform_side_max || size.height > waveform_side_max)
    return fail(errc::too_large, fmt::format("a waveform of over {} pixels a side", waveform_side_max));
  const auto count = frames.size() / channels;
  byte_vector out(std::size_t{size.width} * size.height * 4);
  const auto paint = [&](std::uint32_t x, float high, float low, const pixel& colour) {
    for (auto y = row_of(high, size.height); y <= row_of(low, size.height); ++y)
      for (std::size_t i = 0; i < 4; ++i)
        out[(std::size_t{y} * size.width + x) * 4 + i] = static_cast<std::byte>(colour[i]);
  };
  for (std::uint32_t x = 0; x < size.width; ++x) {
    const auto begin = count * x / size.width;
    const auto end = std::min(count, std::max(begin + 1, count * (x + 1) / size.width));
    const auto range = range_of(frames, channels, begin, end);
    paint(x, range.high, range.low, light);
    paint(x, std::min(range.mean, range.high), std::max(-range.mean, range.low), strong);
  }
  return out;
}

}  // namespace graphite
