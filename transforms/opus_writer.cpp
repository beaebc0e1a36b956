#include "transforms/opus_writer.hpp"

#include <fmt/format.h>
#include <ogg/ogg.h>
#include <opus.h>

#include <algorithm>
#include <optional>

#include "core/units.hpp"

namespace graphite {

namespace {

constexpr std::uint32_t rate_hz = 48'000;
constexpr std::size_t packets_a_page = 50;
constexpr int page_bytes_max = 255 * 255;
constexpr std::size_t segment_packets = 400, lead_packets = 20;
/// Of the frames that wait for their encoders.
constexpr std::size_t held_bytes_max = 64 * MiB;

void append_number(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 255);
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, static_cast<std::uint32_t>(text.size()), 4);
  out += text;
}

std::string head_of(const opus_settings& settings, const opus_coder& coder) {
  std::string out = "OpusHead\1";
  append_number(out, static_cast<std::uint32_t>(settings.channels), 1);
  append_number(out, static_cast<std::uint32_t>(coder.delay()), 2);
  append_number(out, rate_hz, 4);
  append_number(out, static_cast<std::uint32_t>(settings.gain_q8), 2);
  return out + coder.channel_mapping();
}

std::string tags_of(const opus_settings& settings) {
  std::string out = "OpusTags";
  append_text(out, opus_get_version_string());
  append_number(out, static_cast<std::uint32_t>(settings.tags.size()), 4);
  for (const auto& [name, value] : settings.tags) append_text(out, fmt::format("{}={}", name, value));
  return out;
}

/// Packets to pages.
class ogg_pages {
 public:
  ogg_pages() = default;
  ogg_pages(const ogg_pages&) = delete;
  ogg_pages& operator=(const ogg_pages&) = delete;
  ~ogg_pages() { ogg_stream_clear(&ogg_); }

  result<void> open(std::uint32_t serial) {
    if (ogg_stream_init(&ogg_, static_cast<int>(serial)) == 0) return {};
    return fail(errc::too_large, "no memory to encode");
  }

  /// `end`: how many frames there are with this packet.
  result<void> add(std::span<unsigned char> data, bool last_one, std::uint64_t end) {
    ogg_packet one{};
    one.packet = data.data();
    one.bytes = static_cast<long>(data.size());
    one.b_o_s = std::exchange(first_, false) ? 1 : 0;
    one.e_o_s = last_one ? 1 : 0;
    one.granulepos = static_cast<ogg_int64_t>(end);
    if (ogg_stream_packetin(&ogg_, &one) != 0) return fail(errc::too_large, "no memory to encode");
    return {};
  }

  result<void> add_header(std::string text) {
    const auto data = reinterpret_cast<unsigned char*>(text.data());
    GRAPHITE_CHECK(add({data, text.size()}, false, 0));
    end_page();
    return {};
  }

  void end_page() {
    ogg_page page;
    while (ogg_stream_flush_fill(&ogg_, &page, page_bytes_max) != 0) {
      const auto append = [&](const unsigned char* from, long size) {
        const auto* first = reinterpret_cast<const std::byte*>(from);
        bytes.insert(bytes.end(), first, first + size);
      };
      append(page.header, page.header_len);
      append(page.body, page.body_len);
    }
  }

  byte_vector bytes;

 private:
  ogg_stream_state ogg_{};
  bool first_ = true;
};

}  // namespace

struct opus_writer::state {
  state(opus_settings with, parallel_calls& calls) : settings(std::move(with)), threads(calls) {}

  opus_settings settings;
  parallel_calls& threads;
  std::size_t delay = 0;      ///< frames that a decoder drops at the beginning
  std::uint64_t frames = 0;   ///< written
  std::uint64_t packets = 0;  ///< encoded
  std::vector<float> held;    ///< not encoded yet, behind `lead` packets that are
  std::size_t lead = 0;
  std::optional<opus_coder> whole;  ///< of a stream that is not cut
  ogg_pages pages;

  std::size_t packet_samples() const {
    return opus_packet_frames * static_cast<std::size_t>(settings.channels);
  }

  /// Segments that are encoded at once: two a thread, for they take different times.
  std::size_t batch() const {
    if (whole) return 1;
    const auto bytes = segment_packets * packet_samples() * sizeof(float);
    return std::clamp<std::size_t>(held_bytes_max / bytes, 1, 2 * threads.width());
  }

  std::span<const float> packets_at(std::size_t first, std::size_t count) const {
    return std::span(held).subspan(first * packet_samples(), count * packet_samples());
  }

  /// Encodes the next `count` packets that are held; `last`: with them the stream ends.
  result<void> encode(std::size_t count, bool last) {
    if (!whole) return encode_segments(count, last);
    opus_packets made;
    for (std::size_t i = 0; i < count; ++i) GRAPHITE_CHECK(whole->encode(packets_at(i, 1), made));
    held.clear();
    return put(made, last);
  }

  result<void> encode_segments(std::size_t count, bool last) {
    std::vector<std::optional<result<opus_packets>>> made((count + segment_packets - 1) / segment_packets);
    threads.for_each(made.size(), [&](std::size_t i) {
      const auto first = lead + i * segment_packets;
      const auto before = std::min(first, lead_packets);
      const auto own = std::min(segment_packets, count - i * segment_packets);
      made[i] = encode_opus_segment(settings, packets_at(first - before, before + own), before);
    });
    for (auto& one : made) {
      GRAPHITE_TRY(auto segment, std::move(*one));
      GRAPHITE_CHECK(put(segment, last && &one == &made.back()));
    }
    const auto kept = std::min(lead + count, lead_packets);
    held.erase(held.begin(),
               held.begin() + static_cast<std::ptrdiff_t>((lead + count - kept) * packet_samples()));
    lead = kept;
    return {};
  }

  result<void> put(opus_packets& segment, bool last) {
    auto left = std::span(segment.bytes);
    for (std::size_t i = 0; i < segment.sizes.size(); ++i) {
      ++packets;
      const bool last_one = last && i + 1 == segment.sizes.size();
      const auto end = last_one ? delay + frames : packets * opus_packet_frames;
      GRAPHITE_CHECK(pages.add(left.first(segment.sizes[i]), last_one, end));
      if (last_one || packets % packets_a_page == 0) pages.end_page();
      left = left.subspan(segment.sizes[i]);
    }
    return {};
  }
};

opus_writer::opus_writer(std::unique_ptr<state> made) : state_(std::move(made)) {}
opus_writer::opus_writer(opus_writer&&) noexcept = default;
opus_writer& opus_writer::operator=(opus_writer&&) noexcept = default;
opus_writer::~opus_writer() = default;

result<opus_writer> opus_writer::make(const opus_settings& settings, parallel_calls& threads) {
  GRAPHITE_TRY(auto coder, opus_coder::make(settings));
  auto out = std::make_unique<state>(settings, threads);
  out->delay = coder.delay();
  GRAPHITE_CHECK(out->pages.open(settings.serial));
  GRAPHITE_CHECK(out->pages.add_header(head_of(settings, coder)));
  GRAPHITE_CHECK(out->pages.add_header(tags_of(settings)));
  if (!opus_can_be_cut(settings)) out->whole = std::move(coder);
  return opus_writer(std::move(out));
}

result<void> opus_writer::write(std::span<const float> frames) {
  auto& to = *state_;
  const auto packets = to.batch() * segment_packets;
  to.frames += frames.size() / static_cast<std::size_t>(to.settings.channels);
  while (!frames.empty()) {
    const auto room = (to.lead + packets) * to.packet_samples() - to.held.size();
    const auto taken = frames.first(std::min(room, frames.size()));
    to.held.insert(to.held.end(), taken.begin(), taken.end());
    if (taken.size() == room) GRAPHITE_CHECK(to.encode(packets, false));
    frames = frames.subspan(taken.size());
  }
  return {};
}

result<byte_vector> opus_writer::finish() {
  auto& to = *state_;
  // Silence, until the encoder has put out all that it is behind.
  const auto left = to.delay + to.frames - to.packets * opus_packet_frames;
  const auto count = (left + opus_packet_frames - 1) / opus_packet_frames;
  to.held.resize((to.lead + count) * to.packet_samples());
  GRAPHITE_CHECK(to.encode(count, true));
  return std::move(to.pages.bytes);
}

}  // namespace graphite
