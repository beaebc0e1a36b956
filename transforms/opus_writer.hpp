#pragma once

#include <memory>
#include <span>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/ports/parallel_calls.hpp"
#include "transforms/opus_coder.hpp"

namespace graphite {

/// Encodes 48 kHz frames as one Ogg Opus stream in memory, a page for each second.
///
/// Sound is cut into segments of eight seconds, each with an encoder of its own that begins 0.4 s early, so
/// that several are encoded at once: where the cuts are does not depend on how many threads there are. Of few
/// bits it is one segment (opus_can_be_cut()). Takes memory for a few segments, not for the whole. Equal
/// settings and frames give equal bytes with the same libopus on the same kind of processor. Sources of the
/// format: RFC 3533, RFC 7845; of the seams: the chained streams of libopusenc.
class opus_writer {
 public:
  /// Errors: invalid_argument (a setting that the encoder does not take), too_large (no memory).
  static result<opus_writer> make(const opus_settings& settings, parallel_calls& threads);
  opus_writer(opus_writer&&) noexcept;
  opus_writer& operator=(opus_writer&&) noexcept;
  ~opus_writer();

  /// Whole frames. Errors: io, which would be a mistake of ours; too_large.
  result<void> write(std::span<const float> frames);
  /// The stream; nothing may be written after that. Errors: as write().
  result<byte_vector> finish();

 private:
  struct state;
  explicit opus_writer(std::unique_ptr<state> made);
  std::unique_ptr<state> state_;
};

}  // namespace graphite
