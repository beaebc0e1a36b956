#include "transforms/audio.hpp"

#include <ebur128.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/checksum.hpp"
#include "transforms/audio_mix.hpp"
#include "transforms/audio_reader.hpp"
#include "transforms/audio_tags.hpp"
#include "transforms/opus_writer.hpp"

namespace graphite {

namespace {

constexpr std::size_t block_frames = 8192;
constexpr int opus_rate_hz = 48'000;

/// Calls `use` with the frames of the whole file, mixed to `channels`, block after block.
template <class Function>
result<void> each_block(byte_span file, int channels, Function use) {
  GRAPHITE_TRY(auto reader, audio_reader::open(file));
  std::vector<float> block(block_frames * static_cast<std::size_t>(reader.channels())), room;
  while (true) {
    GRAPHITE_TRY(const auto samples, reader.read(block));
    if (samples == 0) return {};
    GRAPHITE_CHECK(use(mixed_frames(std::span(block).first(samples), reader.channels(), channels, room)));
  }
}

struct ebur128_freed {
  void operator()(ebur128_state* state) const { ebur128_destroy(&state); }
};

/// What an Opus channel of Vorbis's order is to the measure: low frequencies do not count.
void name_channels(ebur128_state& state, int channels) {
  if (channels < 3) return;
  const std::vector<int> six{EBUR128_LEFT,          EBUR128_CENTER,         EBUR128_RIGHT,
                             EBUR128_LEFT_SURROUND, EBUR128_RIGHT_SURROUND, EBUR128_UNUSED};
  const std::vector<int> four{EBUR128_LEFT, EBUR128_RIGHT, EBUR128_LEFT_SURROUND, EBUR128_RIGHT_SURROUND};
  const std::vector<int> seven{EBUR128_LEFT,           EBUR128_CENTER, EBUR128_RIGHT, EBUR128_LEFT_SURROUND,
                               EBUR128_RIGHT_SURROUND, EBUR128_Mp180,  EBUR128_UNUSED};
  const std::vector<int> eight{EBUR128_LEFT,  EBUR128_CENTER, EBUR128_RIGHT, EBUR128_Mp090,
                               EBUR128_Mm090, EBUR128_Mp135,  EBUR128_Mm135, EBUR128_UNUSED};
  const auto& names = channels == 4 ? four : channels == 7 ? seven : channels == 8 ? eight : six;
  for (int i = 0; i < channels; ++i)
    ebur128_set_channel(&state, static_cast<unsigned>(i), names[static_cast<std::size_t>(i)]);
}

/// dB × 256 that bring the sound to `target` without lifting its highest sample over full scale.
/// Source of the measure: EBU R 128, ITU-R BS.1770-4.
result<int> gain_for(byte_span file, int rate_hz, int channels, double target) {
  const std::unique_ptr<ebur128_state, ebur128_freed> measure(
      ebur128_init(static_cast<unsigned>(channels), static_cast<unsigned long>(rate_hz),
                   EBUR128_MODE_I | EBUR128_MODE_SAMPLE_PEAK));
  if (measure == nullptr) return fail(errc::too_large, "no memory to measure the loudness");
  name_channels(*measure, channels);
  GRAPHITE_CHECK(each_block(file, channels, [&](std::span<const float> frames) -> result<void> {
    if (ebur128_add_frames_float(measure.get(), frames.data(),
                                 frames.size() / static_cast<std::size_t>(channels)) != EBUR128_SUCCESS)
      return fail(errc::too_large, "no memory to measure the loudness");
    return {};
  }));
  double loudness = 0, peak = 0;
  ebur128_loudness_global(measure.get(), &loudness);
  for (int i = 0; i < channels; ++i) {
    double one = 0;
    ebur128_sample_peak(measure.get(), static_cast<unsigned>(i), &one);
    peak = std::max(peak, one);
  }
  if (!std::isfinite(loudness) || peak <= 0) return 0;  // silence
  const double gain = std::min(target - loudness, std::max(0.0, -20 * std::log10(peak)));
  return static_cast<int>(std::lround(std::clamp(gain, -100.0, 100.0) * 256));
}

std::int64_t bits_per_second(std::int64_t wanted_kbit, int channels) {
  if (wanted_kbit > 0) return wanted_kbit * 1000;
  return channels == 1 ? 64'000 : channels == 2 ? 96'000 : std::int64_t{48'000} * channels;
}

result<opus_settings> settings_of(const transform_input& in, const audio_reader& probe, int channels) {
  const auto rate_hz = probe.rate_hz();
  GRAPHITE_TRY(const auto tags, read_audio_tags(in.bytes));
  opus_settings out;
  out.channels = channels;
  out.bits_per_second = bits_per_second(in.options.integer("bitrate"), channels);
  out.source_bits = probe.sample_bits();
  out.complexity = static_cast<int>(in.options.integer("complexity"));
  out.serial = static_cast<std::uint32_t>(checksum64(in.bytes)) & 0x7fffffff;
  if (const auto target = in.options.number("loudness"); target != 0) {
    GRAPHITE_TRY(out.gain_q8, gain_for(in.bytes, rate_hz, channels, target));
  }
  if (!tags.title.empty()) out.tags.emplace_back("TITLE", tags.title);
  if (!tags.artist.empty()) out.tags.emplace_back("ARTIST", tags.artist);
  if (tags.loop) {
    const auto at_48k = [&](std::uint64_t frame) {
      return static_cast<std::uint64_t>(std::llround(static_cast<double>(frame) * opus_rate_hz / rate_hz));
    };
    const auto begin = at_48k(tags.loop->begin);
    out.tags.emplace_back("LOOPSTART", std::to_string(begin));
    out.tags.emplace_back("LOOPLENGTH", std::to_string(at_48k(tags.loop->end) - begin));
  }
  return out;
}

result<byte_vector> encode_audio(const transform_input& in) {
  GRAPHITE_TRY(const auto probe, audio_reader::open(in.bytes));
  const auto& wanted = in.options.text("channels");
  const int channels = wanted == "mono" ? 1 : wanted == "stereo" ? 2 : probe.channels();
  GRAPHITE_TRY(const auto settings, settings_of(in, probe, channels));
  GRAPHITE_TRY(auto resampler, audio_resampler::make(probe.rate_hz(), channels));
  GRAPHITE_TRY(auto writer, opus_writer::make(settings, in.threads));
  bool empty = true;
  const auto feed = [&](std::span<const float> frames) -> result<void> {
    GRAPHITE_TRY(const auto made, resampler.feed(frames));
    return made.empty() ? result<void>() : writer.write(made);
  };
  GRAPHITE_CHECK(each_block(in.bytes, channels, [&](std::span<const float> frames) {
    empty = false;
    return feed(frames);
  }));
  if (empty) return fail(errc::corrupt, "no sound: it has no samples");
  GRAPHITE_CHECK(feed({}));
  return writer.finish();
}

}  // namespace

result<transform_output> run_audio(const transform_input& in) {
  if (in.outputs.size() != 1 || in.outputs.front().wildcard)
    return fail(errc::invalid_argument, "`audio` makes one output with a fixed name");
  GRAPHITE_TRY(auto path, logical_path::parse(in.outputs.front().text));
  GRAPHITE_TRY(auto bytes, encode_audio(in));
  made_asset made{std::move(path), {}};
  made.parts.push_back(std::move(bytes));
  transform_output out;
  out.assets.push_back(std::move(made));
  return out;
}

}  // namespace graphite
