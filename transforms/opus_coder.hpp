#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// Of a packet: 20 ms at 48 kHz.
inline constexpr std::size_t opus_packet_frames = 960;

struct opus_settings {
  int channels = 2;                  ///< 1 to 8, in the order of Vorbis
  std::int64_t bits_per_second = 0;  ///< of all channels
  int complexity = 10;
  int gain_q8 = 0;  ///< dB × 256, written into the header for decoders to apply
  std::uint32_t serial = 0;
  int source_bits = 24;  ///< of a sample; what is softer than the last bit need not be kept
  std::vector<std::pair<std::string, std::string>> tags;  ///< NAME, value without NUL
};

/// Packets, one after the other.
struct opus_packets {
  std::vector<unsigned char> bytes;
  std::vector<std::size_t> sizes;
};

/// libopus's encoder. Equal settings and frames give equal bytes with the same libopus on the same kind of
/// processor. One thread.
class opus_coder {
 public:
  /// Errors: invalid_argument (a setting that the encoder does not take), too_large (no memory).
  static result<opus_coder> make(const opus_settings& settings);
  opus_coder(opus_coder&&) noexcept;
  opus_coder& operator=(opus_coder&&) noexcept;
  ~opus_coder();

  /// Appends one packet, of as many frames. Errors: io, which would be a mistake of ours.
  result<void> encode(std::span<const float> frames, opus_packets& out);
  /// Whether packets may say how they differ from those before. Errors: io.
  result<void> predict(bool allowed);
  /// Frames that a decoder drops at the beginning.
  std::size_t delay() const;
  /// What the header of a stream says of the channels, from the mapping family on. Source: RFC 7845, 5.1.1.
  std::string channel_mapping() const;

 private:
  struct state;
  explicit opus_coder(std::unique_ptr<state> made);
  std::unique_ptr<state> state_;
};

/// Whether such a stream may be cut into segments: where the codec for speech may take part, packets of two
/// encoders do not follow one another unheard.
bool opus_can_be_cut(const opus_settings& settings);

/// The packets of `frames` less the first `lead` ones, which only bring the encoder to where it would be had
/// it encoded all that was before. The first packets that stay tell nothing as a difference to what was
/// before, so that a decoder that comes from another encoder's packets follows. No frames but whole packets.
/// Errors: as opus_coder.
result<opus_packets> encode_opus_segment(const opus_settings& settings, std::span<const float> frames,
                                         std::size_t lead);

}  // namespace graphite
