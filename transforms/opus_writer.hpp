#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/digest.hpp"
#include "core/error.hpp"

namespace graphite {

struct opus_settings {
  int channels = 2;                  ///< 1 to 8, in the order of Vorbis
  std::int64_t bits_per_second = 0;  ///< of all channels
  int complexity = 10;
  int gain_q8 = 0;  ///< dB × 256, written into the header for decoders to apply
  std::uint32_t serial = 0;
  int source_bits = 24;  ///< of a sample; what is softer than the last bit need not be kept
  std::vector<std::pair<std::string, std::string>> tags;  ///< NAME, value without NUL
};

/// Encodes 48 kHz frames as one Ogg Opus stream in memory, a page for each second. Equal settings and frames
/// give equal bytes with the same libopus on the same kind of processor. One thread.
/// Sources of the format: RFC 3533, RFC 7845.
class opus_writer {
 public:
  /// Errors: invalid_argument (a setting that the encoder does not take), too_large (no memory).
  static result<opus_writer> make(const opus_settings& settings);
  opus_writer(opus_writer&&) noexcept;
  opus_writer& operator=(opus_writer&&) noexcept;
  ~opus_writer();

  /// Whole frames. Errors: io, which would be a mistake of ours.
  result<void> write(std::span<const float> frames);
  /// The stream; nothing may be written after that. Errors: io.
  result<byte_vector> finish();

 private:
  struct state;
  explicit opus_writer(std::unique_ptr<state> made);
  std::unique_ptr<state> state_;
};

}  // namespace graphite
