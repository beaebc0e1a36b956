#include "transforms/opus_writer.hpp"

#include <fmt/format.h>
#include <ogg/ogg.h>
#include <opus_multistream.h>

#include <algorithm>
#include <array>

namespace graphite {

namespace {

constexpr int rate_hz = 48'000;
constexpr std::size_t packet_frames = 960, packets_a_page = 50;
constexpr std::size_t packet_bytes_max = 1275 * 3 + 7;  // of a stream of two channels
constexpr int page_bytes_max = 255 * 255;

/// libopus's encoder. Up to two channels have one of their own: the one for many streams asks for the kind of
/// processor anew with each packet, which took a quarter of all time in a virtual machine.
class opus_coder {
 public:
  opus_coder() = default;
  opus_coder(const opus_coder&) = delete;
  opus_coder& operator=(const opus_coder&) = delete;
  ~opus_coder() {
    if (plain_ != nullptr) opus_encoder_destroy(plain_);
    if (many_ != nullptr) opus_multistream_encoder_destroy(many_);
  }

  int open(int channels, int application) {
    int mistake = OPUS_OK;
    channels_ = channels;
    if (channels <= 2) {
      plain_ = opus_encoder_create(rate_hz, channels, application, &mistake);
    } else {
      many_ = opus_multistream_surround_encoder_create(rate_hz, channels, 1, &streams_, &coupled_,
                                                       mapping_.data(), application, &mistake);
    }
    return mistake;
  }

  template <class... Request>
  int set(Request... request) {
    return plain_ != nullptr ? opus_encoder_ctl(plain_, request...)
                             : opus_multistream_encoder_ctl(many_, request...);
  }

  int encode(const float* frames, std::span<unsigned char> out) {
    const auto room = static_cast<opus_int32>(out.size());
    return plain_ != nullptr ? opus_encode_float(plain_, frames, packet_frames, out.data(), room)
                             : opus_multistream_encode_float(many_, frames, packet_frames, out.data(), room);
  }

  std::size_t packet_bytes() const { return packet_bytes_max * static_cast<std::size_t>(streams_); }

  /// What OpusHead says of the channels, from the mapping family on.
  void describe(std::string& out) const {
    out += static_cast<char>(plain_ != nullptr ? 0 : 1);
    if (plain_ != nullptr) return;
    out += static_cast<char>(streams_);
    out += static_cast<char>(coupled_);
    out.append(reinterpret_cast<const char*>(mapping_.data()), static_cast<std::size_t>(channels_));
  }

 private:
  OpusEncoder* plain_ = nullptr;
  OpusMSEncoder* many_ = nullptr;
  int channels_ = 1, streams_ = 1, coupled_ = 0;
  std::array<unsigned char, 8> mapping_{};
};

void append_number(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 255);
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, static_cast<std::uint32_t>(text.size()), 4);
  out += text;
}

/// Music of many bits needs no codec for speech: without it, the rest errs less at the same size. Measured
/// for stereo; of one channel it was no gain.
int application_for(const opus_settings& settings) {
  const bool rich = settings.bits_per_second >= std::int64_t{32'000} * settings.channels;
  return rich && settings.channels > 1 ? OPUS_APPLICATION_RESTRICTED_LOWDELAY : OPUS_APPLICATION_AUDIO;
}

std::string head_of(const opus_settings& settings, const opus_coder& coder, std::size_t delay) {
  std::string out = "OpusHead\1";
  append_number(out, static_cast<std::uint32_t>(settings.channels), 1);
  append_number(out, static_cast<std::uint32_t>(delay), 2);
  append_number(out, rate_hz, 4);
  append_number(out, static_cast<std::uint32_t>(settings.gain_q8), 2);
  coder.describe(out);
  return out;
}

std::string tags_of(const opus_settings& settings) {
  std::string out = "OpusTags";
  append_text(out, opus_get_version_string());
  append_number(out, static_cast<std::uint32_t>(settings.tags.size()), 4);
  for (const auto& [name, value] : settings.tags) append_text(out, fmt::format("{}={}", name, value));
  return out;
}

}  // namespace

struct opus_writer::state {
  opus_coder coder;
  std::size_t channels = 1;
  std::size_t delay = 0;       ///< frames that a decoder drops at the beginning
  std::uint64_t frames = 0;    ///< written
  std::uint64_t packets = 0;   ///< of sound
  std::vector<float> pending;  ///< less than a packet
  std::vector<unsigned char> packet;
  ogg_stream_state ogg{};
  byte_vector bytes;

  ~state() { ogg_stream_clear(&ogg); }

  std::size_t packet_samples() const { return packet_frames * channels; }

  result<void> add(std::span<unsigned char> data, bool first, bool last_one, std::uint64_t end) {
    ogg_packet one{};
    one.packet = data.data();
    one.bytes = static_cast<long>(data.size());
    one.b_o_s = first ? 1 : 0;
    one.e_o_s = last_one ? 1 : 0;
    one.granulepos = static_cast<ogg_int64_t>(end);
    if (ogg_stream_packetin(&ogg, &one) != 0) return fail(errc::too_large, "no memory to encode");
    return {};
  }

  result<void> add_header(std::string text, bool first) {
    const auto data = reinterpret_cast<unsigned char*>(text.data());
    GRAPHITE_CHECK(add({data, text.size()}, first, false, 0));
    take_pages();
    return {};
  }

  /// All that is complete, so that no page takes over a second.
  void take_pages() {
    ogg_page page;
    while (ogg_stream_flush_fill(&ogg, &page, page_bytes_max) != 0) {
      const auto append = [&](const unsigned char* from, long size) {
        const auto* first = reinterpret_cast<const std::byte*>(from);
        bytes.insert(bytes.end(), first, first + size);
      };
      append(page.header, page.header_len);
      append(page.body, page.body_len);
    }
  }

  result<void> encode(const float* from, bool last_one) {
    const auto size = coder.encode(from, packet);
    if (size < 0) return fail(errc::io, fmt::format("the encoder failed: {}", opus_strerror(size)));
    ++packets;
    const auto end = last_one ? delay + frames : packets * packet_frames;
    GRAPHITE_CHECK(add(std::span(packet).first(static_cast<std::size_t>(size)), false, last_one, end));
    if (last_one || packets % packets_a_page == 0) take_pages();
    return {};
  }
};

opus_writer::opus_writer(std::unique_ptr<state> made) : state_(std::move(made)) {}
opus_writer::opus_writer(opus_writer&&) noexcept = default;
opus_writer& opus_writer::operator=(opus_writer&&) noexcept = default;
opus_writer::~opus_writer() = default;

result<opus_writer> opus_writer::make(const opus_settings& settings) {
  auto out = std::make_unique<state>();
  out->channels = static_cast<std::size_t>(settings.channels);
  if (const auto mistake = out->coder.open(settings.channels, application_for(settings)); mistake != OPUS_OK)
    return fail(mistake == OPUS_ALLOC_FAIL ? errc::too_large : errc::invalid_argument,
                fmt::format("the encoder refuses it: {}", opus_strerror(mistake)));
  int mistake = OPUS_OK, delay = 0;
  const auto set = [&](auto... request) {
    mistake = mistake == OPUS_OK ? out->coder.set(request...) : mistake;
  };
  set(OPUS_SET_BITRATE(static_cast<opus_int32>(settings.bits_per_second)));
  set(OPUS_SET_VBR_CONSTRAINT(0));  // bits go where they are needed
  set(OPUS_SET_COMPLEXITY(settings.complexity));
  set(OPUS_SET_LSB_DEPTH(std::clamp(settings.source_bits, 8, 24)));
  set(OPUS_GET_LOOKAHEAD(&delay));
  if (mistake != OPUS_OK)
    return fail(errc::invalid_argument,
                fmt::format("the encoder refuses a setting: {}", opus_strerror(mistake)));
  GRAPHITE_INVARIANT(delay > 0);
  out->delay = static_cast<std::size_t>(delay);
  out->packet.resize(out->coder.packet_bytes());
  if (ogg_stream_init(&out->ogg, static_cast<int>(settings.serial)) != 0)
    return fail(errc::too_large, "no memory to encode");
  GRAPHITE_CHECK(out->add_header(head_of(settings, out->coder, out->delay), true));
  GRAPHITE_CHECK(out->add_header(tags_of(settings), false));
  return opus_writer(std::move(out));
}

result<void> opus_writer::write(std::span<const float> frames) {
  auto& to = *state_;
  const auto whole = to.packet_samples();
  to.frames += frames.size() / to.channels;
  while (!frames.empty()) {
    if (to.pending.empty() && frames.size() >= whole) {
      GRAPHITE_CHECK(to.encode(frames.data(), false));
      frames = frames.subspan(whole);
      continue;
    }
    const auto taken = std::min(whole - to.pending.size(), frames.size());
    to.pending.insert(to.pending.end(), frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(taken));
    frames = frames.subspan(taken);
    if (to.pending.size() < whole) break;
    GRAPHITE_CHECK(to.encode(to.pending.data(), false));
    to.pending.clear();
  }
  return {};
}

result<byte_vector> opus_writer::finish() {
  auto& to = *state_;
  // Silence, until the encoder has put out all that it is behind.
  const auto left = to.delay + to.frames - to.packets * packet_frames;
  const auto count = (left + packet_frames - 1) / packet_frames;
  auto tail = std::move(to.pending);
  tail.resize(count * to.packet_samples());
  for (std::size_t i = 0; i < count; ++i)
    GRAPHITE_CHECK(to.encode(tail.data() + i * to.packet_samples(), i + 1 == count));
  return std::move(to.bytes);
}

}  // namespace graphite
