#pragma once

#include <cstdint>
#include <span>

#include "core/digest.hpp"
#include "core/error.hpp"

namespace graphite {

struct waveform_size {
  std::uint32_t width = 512, height = 128;  ///< pixels, each 1 to waveform_side_max
};

inline constexpr std::uint32_t waveform_side_max = 8192;

/// A picture of sound as RGBA8 rows from the top: the channels' mean, of every column the lowest to the
/// highest sample in a light tone, the root mean square in a strong one, on clear ground. Samples over full
/// scale are cut. Of no frames: a line. Pure; O(frames + pixels).
/// Errors: invalid_argument (a size or `channels` of 0, samples that are no whole frames), too_large.
result<byte_vector> draw_waveform(std::span<const float> frames, std::uint32_t channels, waveform_size size);

}  // namespace graphite
