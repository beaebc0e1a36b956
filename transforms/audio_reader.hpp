#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/digest.hpp"
#include "core/error.hpp"

namespace graphite {

inline constexpr int audio_channels_max = 8;
inline constexpr int audio_rate_min_hz = 1'000, audio_rate_max_hz = 768'000;
inline constexpr std::uint64_t audio_samples_max = 1u << 28;  ///< frames × channels

/// Sound as it is decoded, block after block, from bytes in memory. Opens no files. One thread.
///
/// Takes WAV, AIFF (PCM and float), FLAC and Ogg Vorbis, and Ogg Opus where it is asked to. Channels come in
/// the order of Vorbis: left, centre, right, rear or side, low frequencies.
class audio_reader {
 public:
  /// `file` must stay as it is. Errors: unsupported (another format), corrupt, too_large.
  static result<audio_reader> open(byte_span file, bool with_opus = false);
  audio_reader(audio_reader&&) noexcept;
  audio_reader& operator=(audio_reader&&) noexcept;
  ~audio_reader();

  int channels() const;
  int rate_hz() const;
  /// Bits of a sample: 8, 16 or, for all others, 24.
  int sample_bits() const;
  /// Fills `frames` from its beginning and says how many samples came, whole frames; 0 at the end. What is
  /// not a number or over 2^16 becomes silence. Errors: corrupt, too_large (audio_samples_max).
  result<std::size_t> read(std::span<float> frames);

 private:
  struct state;
  explicit audio_reader(std::unique_ptr<state> opened);
  std::unique_ptr<state> state_;
};

}  // namespace graphite
