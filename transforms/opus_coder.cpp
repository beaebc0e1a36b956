#include "transforms/opus_coder.hpp"

#include <fmt/format.h>
#include <opus_multistream.h>

#include <algorithm>
#include <array>

namespace graphite {

namespace {

constexpr int rate_hz = 48'000;
constexpr int packet_frames = static_cast<int>(opus_packet_frames);
constexpr std::size_t packet_bytes_max = 1275 * 3 + 7;  // of a stream of two channels
/// Packets at a seam without prediction: the first one sets the energies of all bands, the second the filter
/// of the pitch, which fades from one packet to the next.
constexpr std::size_t seam_packets = 2;

/// Music of many bits needs no codec for speech: without it, the rest errs less at the same size. Measured
/// for stereo; of one channel it was no gain.
bool without_speech_codec(const opus_settings& settings) {
  return settings.channels > 1 && settings.bits_per_second >= std::int64_t{32'000} * settings.channels;
}

}  // namespace

/// Up to two channels have an encoder of their own: the one for many streams asks for the kind of processor
/// anew with each packet, which took a quarter of all time in a virtual machine.
struct opus_coder::state {
  OpusEncoder* plain = nullptr;
  OpusMSEncoder* many = nullptr;
  int channels = 1, streams = 1, coupled = 0, delay = 0;
  std::array<unsigned char, 8> mapping{};

  ~state() {
    if (plain != nullptr) opus_encoder_destroy(plain);
    if (many != nullptr) opus_multistream_encoder_destroy(many);
  }

  int open(int channel_count, int application) {
    int mistake = OPUS_OK;
    channels = channel_count;
    if (channels <= 2) {
      plain = opus_encoder_create(rate_hz, channels, application, &mistake);
    } else {
      many = opus_multistream_surround_encoder_create(rate_hz, channels, 1, &streams, &coupled,
                                                      mapping.data(), application, &mistake);
    }
    return mistake;
  }

  template <class... Request>
  int set(Request... request) {
    return plain != nullptr ? opus_encoder_ctl(plain, request...)
                            : opus_multistream_encoder_ctl(many, request...);
  }
};

opus_coder::opus_coder(std::unique_ptr<state> made) : state_(std::move(made)) {}
opus_coder::opus_coder(opus_coder&&) noexcept = default;
opus_coder& opus_coder::operator=(opus_coder&&) noexcept = default;
opus_coder::~opus_coder() = default;

result<opus_coder> opus_coder::make(const opus_settings& settings) {
  auto out = std::make_unique<state>();
  if (const auto mistake =
          out->open(settings.channels, without_speech_codec(settings) ? OPUS_APPLICATION_RESTRICTED_LOWDELAY
                                                                      : OPUS_APPLICATION_AUDIO);
      mistake != OPUS_OK)
    return fail(mistake == OPUS_ALLOC_FAIL ? errc::too_large : errc::invalid_argument,
                fmt::format("the encoder refuses it: {}", opus_strerror(mistake)));
  int mistake = OPUS_OK;
  const auto set = [&](auto... request) { mistake = mistake == OPUS_OK ? out->set(request...) : mistake; };
  set(OPUS_SET_BITRATE(static_cast<opus_int32>(settings.bits_per_second)));
  set(OPUS_SET_VBR_CONSTRAINT(0));  // bits go where they are needed
  set(OPUS_SET_COMPLEXITY(settings.complexity));
  set(OPUS_SET_LSB_DEPTH(std::clamp(settings.source_bits, 8, 24)));
  set(OPUS_GET_LOOKAHEAD(&out->delay));
  if (mistake != OPUS_OK)
    return fail(errc::invalid_argument,
                fmt::format("the encoder refuses a setting: {}", opus_strerror(mistake)));
  GRAPHITE_INVARIANT(out->delay > 0);
  return opus_coder(std::move(out));
}

result<void> opus_coder::encode(std::span<const float> frames, opus_packets& out) {
  auto& with = *state_;
  GRAPHITE_INVARIANT(frames.size() == opus_packet_frames * static_cast<std::size_t>(with.channels));
  const auto before = out.bytes.size();
  out.bytes.resize(before + packet_bytes_max * static_cast<std::size_t>(with.streams));
  auto* const to = out.bytes.data() + before;
  const auto room = static_cast<opus_int32>(out.bytes.size() - before);
  const auto size = with.plain != nullptr
                        ? opus_encode_float(with.plain, frames.data(), packet_frames, to, room)
                        : opus_multistream_encode_float(with.many, frames.data(), packet_frames, to, room);
  if (size < 0) return fail(errc::io, fmt::format("the encoder failed: {}", opus_strerror(size)));
  out.bytes.resize(before + static_cast<std::size_t>(size));
  out.sizes.push_back(static_cast<std::size_t>(size));
  return {};
}

result<void> opus_coder::predict(bool allowed) {
  const auto mistake = state_->set(OPUS_SET_PREDICTION_DISABLED(allowed ? 0 : 1));
  if (mistake == OPUS_OK) return {};
  return fail(errc::io, fmt::format("the encoder failed: {}", opus_strerror(mistake)));
}

std::size_t opus_coder::delay() const { return static_cast<std::size_t>(state_->delay); }

std::string opus_coder::channel_mapping() const {
  if (state_->plain != nullptr) return std::string(1, '\0');
  std::string out{'\1', static_cast<char>(state_->streams), static_cast<char>(state_->coupled)};
  out.append(reinterpret_cast<const char*>(state_->mapping.data()),
             static_cast<std::size_t>(state_->channels));
  return out;
}

bool opus_can_be_cut(const opus_settings& settings) {
  // From here on libopus takes the codec for speech for no single channel.
  constexpr std::int64_t bits_for_one_channel = 64'000;
  return settings.channels == 1 ? settings.bits_per_second >= bits_for_one_channel
                                : without_speech_codec(settings);
}

result<opus_packets> encode_opus_segment(const opus_settings& settings, std::span<const float> frames,
                                         std::size_t lead) {
  GRAPHITE_TRY(auto coder, opus_coder::make(settings));
  const auto packet = opus_packet_frames * static_cast<std::size_t>(settings.channels);
  opus_packets out;
  for (std::size_t i = 0; i * packet < frames.size(); ++i) {
    if (lead > 0 && i == lead) {
      out = {};
      GRAPHITE_CHECK(coder.predict(false));
    }
    if (lead > 0 && i == lead + seam_packets) GRAPHITE_CHECK(coder.predict(true));
    GRAPHITE_CHECK(coder.encode(frames.subspan(i * packet, packet), out));
  }
  return out;
}

}  // namespace graphite
