#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// Mixes frames of `from` channels, in the order of Vorbis, to `to`: the same number, or 1 or 2. Centre and
/// rear go at -3 dB, low frequencies are left out, and the sum is scaled so that it cannot clip. The result
/// is `frames` themselves, or in `room`, which it overwrites.
std::span<const float> mixed_frames(std::span<const float> frames, int from, int to,
                                    std::vector<float>& room);

/// Brings sound to 48 kHz, block after block; at 48 kHz nothing is done to it. One thread.
class audio_resampler {
 public:
  /// Errors: too_large (no memory).
  static result<audio_resampler> make(int rate_hz, int channels);
  audio_resampler(audio_resampler&&) noexcept;
  audio_resampler& operator=(audio_resampler&&) noexcept;
  ~audio_resampler();

  /// What comes out after these frames, valid until the next call and while they are; of no frames, the end.
  /// Errors: io, which would be a mistake of ours.
  result<std::span<const float>> feed(std::span<const float> frames);

 private:
  struct state;
  explicit audio_resampler(std::unique_ptr<state> made);
  std::unique_ptr<state> state_;
};

}  // namespace graphite
