#include "transforms/audio.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opus.h>
#include <sndfile.h>

#include <cmath>
#include <memory>
#include <random>

#include "tests/transforms/media_support.hpp"
#include "tests/transforms/sound_sources.hpp"
#include "transforms/audio_reader.hpp"
#include "transforms/audio_tags.hpp"
#include "transforms/opus_coder.hpp"
#include "transforms/waveform.hpp"

namespace graphite {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace test;

result<transform_output> run(std::string_view bytes, const test::given_options& given = {}) {
  test::transform_under_test audio{audio_description(), run_audio};
  return audio("snd/a.wav", bytes, given);
}

std::string opus_of(std::string_view bytes, const test::given_options& given = {}) {
  const auto made = run(bytes, given);
  return made ? test::text_of(made->assets.at(0)) : test::mistake_of(made);
}

struct decoded_sound {
  int channels = 0, rate_hz = 0;
  std::vector<float> frames;
  /// The root mean square of a channel between a fifth and four fifths of the time.
  double level(int channel) const {
    const auto count = frames.size() / static_cast<std::size_t>(channels);
    double sum = 0;
    for (auto i = count / 5; i < count * 4 / 5; ++i)
      sum += std::pow(frames[i * static_cast<std::size_t>(channels) + static_cast<std::size_t>(channel)], 2);
    return std::sqrt(sum / (static_cast<double>(count) * 3 / 5));
  }
  /// How often per second a channel rises through zero.
  double pitch(int channel) const {
    const auto step = static_cast<std::size_t>(channels);
    int rises = 0;
    for (auto i = static_cast<std::size_t>(channel) + step; i < frames.size(); i += step)
      rises += frames[i - step] < 0 && frames[i] >= 0;
    return rises / (static_cast<double>(frames.size() / step) / rate_hz);
  }
};

decoded_sound decoded(const std::string& opus) {
  auto reader = audio_reader::open(as_bytes(std::string_view(opus)), true);
  if (!reader) {
    ADD_FAILURE() << reader.error().context << " " << opus.substr(0, 200);
    return {1, 1, {}};
  }
  decoded_sound out{reader->channels(), reader->rate_hz(), {}};
  std::vector<float> block(4096 * static_cast<std::size_t>(out.channels));
  while (true) {
    const auto got = reader->read(block).value();
    if (got == 0) return out;
    out.frames.insert(out.frames.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got));
  }
}

TEST(audio_transform, encodes_every_format_it_reads) {
  const auto frames = tones(2, 44'100, 1.0);
  for (const int format :
       {SF_FORMAT_WAV | SF_FORMAT_PCM_U8, SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_WAV | SF_FORMAT_PCM_24,
        SF_FORMAT_WAV | SF_FORMAT_PCM_32, SF_FORMAT_WAV | SF_FORMAT_FLOAT, SF_FORMAT_AIFF | SF_FORMAT_PCM_16,
        SF_FORMAT_FLAC | SF_FORMAT_PCM_16, SF_FORMAT_OGG | SF_FORMAT_VORBIS}) {
    const auto out = decoded(opus_of(encoded(format, 2, 44'100, frames)));
    EXPECT_EQ(out.channels, 2);
    EXPECT_EQ(out.rate_hz, 48'000);
    EXPECT_NEAR(static_cast<double>(out.frames.size()) / 2, 48'000, 2) << std::hex << format;
    EXPECT_NEAR(out.level(0), 0.354, 0.02);
    EXPECT_NEAR(out.pitch(0), 220, 3);
    EXPECT_NEAR(out.pitch(1), 440, 3);
  }
}

TEST(audio_transform, keeps_every_frame_wherever_the_last_packet_ends) {
  for (const int channels : {1, 2, 3})
    for (const std::size_t frames : {1u, 647u, 648u, 649u, 839u, 840u, 841u, 960u, 961u, 48'000u, 100'000u}) {
      auto source = tones(channels, 48'000, 3);
      source.resize(frames * static_cast<std::size_t>(channels));
      EXPECT_EQ(decoded(opus_of(wav(channels, 48'000, source))).frames.size(), source.size()) << frames;
    }
}

/// Of what comes out, in dB, between two times.
double likeness(const std::vector<float>& wanted, const std::vector<float>& made, std::size_t first,
                std::size_t last) {
  double sound = 0, error = 0;
  for (auto i = first; i < last; ++i) {
    sound += std::pow(wanted[i], 2);
    error += std::pow(wanted[i] - made[i], 2);
  }
  return 10 * std::log10(sound / error);
}

/// Notes with a rustle, so that no packet is like the one before.
std::vector<float> melody(int channels, double seconds) {
  std::mt19937 random(3);
  std::normal_distribution<float> noise;
  std::vector<float> out;
  float low = 0;
  for (int i = 0; i < static_cast<int>(seconds * 48'000); ++i) {
    const double time = i / 48'000.0, since = std::fmod(time, 0.35);
    const double pitch = 110 * std::pow(2, static_cast<int>(time / 0.35) % 12 / 6.0);
    low = 0.98f * low + 0.02f * noise(random);
    for (int c = 0; c < channels; ++c)
      out.push_back(
          static_cast<float>(0.5 * std::exp(-8 * since) * std::sin(2 * pi * pitch * (c + 1) * time)) +
          0.3f * low);
  }
  return out;
}

TEST(audio_transform, segments_that_are_encoded_apart_follow_one_another) {
  for (const int channels : {1, 2}) {
    const auto frames_of = [&](const std::vector<float>& frames) {
      return decoded(opus_of(encoded(SF_FORMAT_WAV | SF_FORMAT_FLOAT, channels, 48'000, frames))).frames;
    };
    const auto second = 48'000 * static_cast<std::size_t>(channels);
    const auto source = melody(channels, 17);
    // The same sound, the seams elsewhere.
    const std::vector<float> later(source.begin() + static_cast<std::ptrdiff_t>(4 * second), source.end());
    const auto made = frames_of(source), made_later = frames_of(later);
    ASSERT_EQ(made.size(), source.size());
    for (const std::size_t seam : {8, 16}) {
      const auto first = seam * second - second / 50, last = seam * second + second / 50, back = 4 * second;
      EXPECT_GT(likeness(source, made, first, last),
                likeness(later, made_later, first - back, last - back) - 2.5)
          << channels << " channels at " << seam;
    }
  }
}

TEST(audio_transform, segments_of_many_channels_and_little_effort_follow_one_another_too) {
  for (const auto& [channels, complexity] : {std::pair{6, 10}, {2, 0}, {2, 5}, {1, 5}}) {
    const auto frames_of = [&, effort = std::int64_t{complexity}](const std::vector<float>& frames) {
      const auto bytes = encoded(SF_FORMAT_WAV | SF_FORMAT_FLOAT, channels, 48'000, frames);
      return decoded(opus_of(bytes, {{"complexity", effort}})).frames;
    };
    const auto second = 48'000 * static_cast<std::size_t>(channels);
    const auto source = melody(channels, 9);
    const std::vector<float> later(source.begin() + static_cast<std::ptrdiff_t>(2 * second), source.end());
    const auto made = frames_of(source), made_later = frames_of(later);
    // Two encodings of one sound, of which one has a seam: much nearer each other than either is to the
    // sound.
    const auto between = [&](std::size_t first, std::size_t last) {
      const std::vector<float> from(made_later.begin() + static_cast<std::ptrdiff_t>(first - 2 * second),
                                    made_later.begin() + static_cast<std::ptrdiff_t>(last - 2 * second));
      const std::vector<float> to(made.begin() + static_cast<std::ptrdiff_t>(first),
                                  made.begin() + static_cast<std::ptrdiff_t>(last));
      return likeness(from, to, 0, from.size());
    };
    const auto seam = 8 * second;
    EXPECT_GT(between(seam - second / 50, seam + second / 50), 15)
        << channels << " channels, complexity " << complexity;
  }
}

/// What a decoder that knows nothing of what was before makes of the packets.
std::vector<float> decoded_packets(const opus_packets& packets, int channels) {
  int mistake = OPUS_OK;
  const std::unique_ptr<OpusDecoder, decltype(&opus_decoder_destroy)> decoder(
      opus_decoder_create(48'000, channels, &mistake), opus_decoder_destroy);
  std::vector<float> out(packets.sizes.size() * opus_packet_frames * static_cast<std::size_t>(channels));
  const auto* from = packets.bytes.data();
  for (std::size_t i = 0; i < packets.sizes.size(); from += packets.sizes[i++])
    EXPECT_EQ(opus_decode_float(decoder.get(), from, static_cast<opus_int32>(packets.sizes[i]),
                                out.data() + i * opus_packet_frames * static_cast<std::size_t>(channels),
                                opus_packet_frames, 0),
              static_cast<int>(opus_packet_frames));
  return out;
}

TEST(opus_segment, begins_with_packets_that_need_none_before) {
  opus_settings settings;
  settings.bits_per_second = 96'000;
  const auto source = melody(2, 2);
  const std::size_t packet = 2 * opus_packet_frames, lead = 20;
  const auto cut = encode_opus_segment(settings, std::span(source).first(60 * packet), lead);
  ASSERT_TRUE(cut && cut->sizes.size() == 40u);
  const auto made = decoded_packets(*cut, 2);
  const auto delay = 2 * opus_coder::make(settings)->delay();
  // The second packet: the first one overlaps with what the decoder never had.
  const std::vector<float> wanted(source.begin() + static_cast<std::ptrdiff_t>((lead + 1) * packet - delay),
                                  source.end());
  EXPECT_GT(likeness(wanted, {made.begin() + static_cast<std::ptrdiff_t>(packet), made.end()}, 0, packet), 8);
}

TEST(audio_transform, is_the_same_with_any_number_of_threads) {
  for (const auto& [channels, kbit] : {std::pair{2, 96}, {6, 0}, {1, 16}}) {
    const auto bytes = wav(channels, 44'100, melody(channels, 17));
    std::string first;
    for (const std::size_t threads : {1, 2, 5}) {
      test::transform_under_test audio{
          .description = audio_description(), .run = run_audio, .threads = threads};
      const auto made = audio("snd/a.wav", bytes, {{"bitrate", std::int64_t{kbit}}});
      ASSERT_TRUE(made) << test::mistake_of(made);
      const auto text = test::text_of(made->assets.at(0));
      if (first.empty()) first = text;
      EXPECT_TRUE(text == first) << threads << " threads, " << channels << " channels";
    }
  }
}

TEST(audio_transform, writes_a_page_for_each_second) {
  const auto opus = opus_of(wav(2, 48'000, tones(2, 48'000, 5)));
  int pages = 0;
  for (auto at = opus.find("OggS"); at != opus.npos; at = opus.find("OggS", at + 4)) ++pages;
  EXPECT_EQ(pages, 2 + 6);
}

TEST(audio_transform, takes_every_rate_and_number_of_channels) {
  for (const int rate : {1'000, 8'000, 22'050, 48'000, 96'000, 192'000})
    EXPECT_NEAR(static_cast<double>(decoded(opus_of(wav(1, rate, tones(1, rate, 0.5)))).frames.size()),
                24'000, 50);
  for (int channels = 1; channels <= 8; ++channels) {
    const auto out = decoded(opus_of(wav(channels, 48'000, tones(channels, 48'000, 0.5))));
    EXPECT_EQ(out.channels, channels);
    EXPECT_NEAR(out.pitch(0), 220, 5) << channels;
  }
  EXPECT_THAT(opus_of(wav(9, 48'000, tones(9, 48'000, 0.1))), StartsWith("too_large: 9 channels"));
}

TEST(audio_transform, mixes_channels) {
  const auto stereo = wav(2, 48'000, tones(2, 48'000, 0.5));
  EXPECT_EQ(decoded(opus_of(stereo, {{"channels", std::string("mono")}})).channels, 1);
  const auto mono = wav(1, 48'000, tones(1, 48'000, 0.5));
  const auto both = decoded(opus_of(mono, {{"channels", std::string("stereo")}}));
  EXPECT_NEAR(both.level(0), both.level(1), 0.01);
  EXPECT_NEAR(both.level(0), 0.354, 0.02);
  EXPECT_EQ(
      decoded(opus_of(wav(6, 48'000, tones(6, 48'000, 0.5)), {{"channels", std::string("stereo")}})).channels,
      2);
}

TEST(audio_transform, bitrate_and_complexity_matter) {
  const auto source = wav(2, 48'000, tones(2, 48'000, 2.0));
  const auto low = opus_of(source, {{"bitrate", std::int64_t{24}}}),
             high = opus_of(source, {{"bitrate", std::int64_t{256}}});
  EXPECT_LT(low.size() * 3, high.size());
  EXPECT_NE(opus_of(source, {{"complexity", std::int64_t{0}}}), opus_of(source));
  EXPECT_THAT(opus_of(source, {{"bitrate", std::int64_t{5}}}), StartsWith("invalid_argument"));
}

TEST(audio_transform, brings_loudness_to_the_target_without_clipping) {
  const auto quiet = wav(1, 48'000, tones(1, 48'000, 3.0, 0.02));
  const double plain = decoded(opus_of(quiet)).level(0);
  const double louder = decoded(opus_of(quiet, {{"loudness", -23.0}})).level(0);
  const double loudest = decoded(opus_of(quiet, {{"loudness", -1.0}})).level(0);
  // A tone's loudness in LUFS is near its mean square in dB less 0.7 where it is low.
  EXPECT_NEAR(20 * std::log10(louder), -23 + 0.7, 1.5);
  EXPECT_GT(louder, plain * 2);
  EXPECT_NEAR(loudest, 0.707, 0.05);
  EXPECT_NEAR(decoded(opus_of(wav(1, 48'000, std::vector<float>(48'000)), {{"loudness", -23.0}})).level(0), 0,
              1e-4);
}

std::string little_text(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i);
  return out;
}

std::string chunk(const std::string& id, const std::string& body) {
  return id + little_text(body.size(), 4) + body;
}

std::string riff(const std::string& chunks) { return chunk("RIFF", "WAVE" + chunks); }

std::string format_chunk(std::uint32_t rate_hz, std::uint32_t channels = 1) {
  return chunk("fmt ", little_text(1, 2) + little_text(channels, 2) + little_text(rate_hz, 4) +
                           little_text(std::uint64_t{rate_hz} * 2 * channels, 4) +
                           little_text(2 * channels, 2) + little_text(16, 2));
}

std::string loop_chunk(std::uint32_t begin, std::uint32_t last) {
  return chunk("smpl", std::string(28, '\0') + little_text(1, 4) + little_text(0, 4) + std::string(8, '\0') +
                           little_text(begin, 4) + little_text(last, 4) + std::string(8, '\0'));
}

TEST(audio_transform, keeps_loop_points) {
  const auto sound = format_chunk(24'000) + chunk("data", std::string(24'000 * 2, '\1'));
  const auto opus = opus_of(riff(sound + loop_chunk(1'000, 4'999)));
  EXPECT_THAT(opus, HasSubstr("LOOPSTART=2000"));
  EXPECT_THAT(opus, HasSubstr("LOOPLENGTH=8000"));
  EXPECT_THAT(opus_of(riff(sound)), Not(HasSubstr("LOOP")));
  EXPECT_THAT(opus_of(riff(sound + loop_chunk(5, 4))), Not(HasSubstr("LOOP")));
}

std::string comments(const std::vector<std::string>& lines) {
  std::string out = little_text(4, 4) + "test" + little_text(lines.size(), 4);
  for (const auto& line : lines) out += little_text(line.size(), 4) + line;
  return out;
}

audio_tags tags_of(const std::string& file) {
  return read_audio_tags(as_bytes(std::string_view(file))).value();
}

TEST(audio_tags, are_read_from_flac_and_ogg) {
  const auto block =
      comments({"TITLE=Wind", "artist=Somebody", "LOOPSTART=10", "LOOPLENGTH=90", "COMMENT=x"});
  const auto size = block.size();
  const auto flac = std::string("fLaC\0\0\0\4abcd\x84\0\0", 15) + static_cast<char>(size) + block;
  const auto packet = "\3vorbis" + block + std::string(600, '\0');
  std::string ogg = std::string("OggS") + std::string(22, '\0') + "\1\5first";
  ogg += std::string("OggS") + std::string(22, '\0') + "\1\xff" + packet.substr(0, 255);
  ogg += std::string("OggS") + std::string(22, '\0') + "\2\xff" + static_cast<char>(packet.size() - 510) +
         packet.substr(255);
  for (const auto& file : {flac, ogg}) {
    const auto tags = tags_of(file);
    EXPECT_EQ(tags.title, "Wind");
    EXPECT_EQ(tags.artist, "Somebody");
    EXPECT_EQ(tags.loop, (audio_loop{10, 100}));
  }
  EXPECT_EQ(tags_of("fLaC" + std::string("\x84\0\0\x30", 4) + comments({"LOOPSTART=7", "LOOPEND=9"})).loop,
            std::nullopt)
      << "the block ends after the file does";
  test::each_damaged(flac, 3'000, [](const std::string& bytes) { (void)tags_of(bytes); });
  test::each_damaged(ogg, 3'000, [](const std::string& bytes) { (void)tags_of(bytes); });
}

TEST(audio_transform, refuses_what_it_does_not_read) {
  EXPECT_THAT(opus_of("ID3\3" + std::string(500, '\0')), StartsWith("unsupported"));
  EXPECT_THAT(opus_of(std::string("\xff\xfb\x90\x64", 4) + std::string(500, '\0')),
              StartsWith("unsupported"));
  EXPECT_EQ(opus_of(""), "corrupt: the file is empty");
  EXPECT_THAT(opus_of(encoded(SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, 1, 44'100, tones(1, 44'100, 0.2))),
              StartsWith("unsupported"));
  EXPECT_THAT(opus_of(encoded(SF_FORMAT_AU | SF_FORMAT_PCM_16, 1, 44'100, tones(1, 44'100, 0.2))),
              StartsWith("unsupported"));
  EXPECT_THAT(opus_of(opus_of(wav(1, 48'000, tones(1, 48'000, 0.2)))), StartsWith("unsupported"));
}

TEST(audio_transform, refuses_rates_and_sizes_that_lie) {
  const auto data = chunk("data", std::string(2'000, '\1'));
  for (const std::uint32_t rate : {0u, 999u, 768'001u, 0xffffffffu})
    EXPECT_THAT(opus_of(riff(format_chunk(rate) + data)), StartsWith("corrupt")) << rate;
  EXPECT_THAT(opus_of(riff(format_chunk(8'000, 0) + data)), testing::MatchesRegex("(corrupt|too_large).*"));
  auto cut = riff(format_chunk(8'000) + data);
  cut.resize(cut.size() - 1'000);
  EXPECT_THAT(opus_of(cut), HasSubstr("a chunk of 2000 bytes where 1000 are left"));
  EXPECT_THAT(opus_of(riff(format_chunk(8'000) + chunk("data", ""))), StartsWith("corrupt"));
}

TEST(audio_transform, makes_the_same_bytes_again) {
  const auto one = wav(2, 44'100, tones(2, 44'100, 0.5)), other = wav(1, 22'050, tones(1, 22'050, 0.5));
  const auto first = opus_of(one);
  const auto second = opus_of(other);
  EXPECT_EQ(opus_of(one), first);
  EXPECT_EQ(opus_of(other), second);
  EXPECT_NE(first.substr(14, 4), second.substr(14, 4)) << "the serial goes by the content";
}

TEST(audio_transform, damaged_sound_does_no_harm) {
  int refused = 0;
  for (const int format : {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_AIFF | SF_FORMAT_PCM_24,
                           SF_FORMAT_FLAC | SF_FORMAT_PCM_16, SF_FORMAT_OGG | SF_FORMAT_VORBIS})
    test::each_damaged(encoded(format, 2, 16'000, tones(2, 16'000, 0.1)), 60, [&](const std::string& bytes) {
      refused += !run(bytes, {{"complexity", std::int64_t{0}}});
    });
  EXPECT_GT(refused, 50);
}

std::uint8_t alpha_at(const byte_vector& picture, std::size_t width, std::size_t x, std::size_t y) {
  return std::to_integer<std::uint8_t>(picture[(y * width + x) * 4 + 3]);
}

TEST(waveform, draws_the_lowest_to_the_highest_of_each_column) {
  std::vector<float> frames(200, 0.0F);
  for (std::size_t i = 100; i < 200; ++i) frames[i] = i % 2 == 0 ? 1.0F : -1.0F;
  const auto picture = draw_waveform(frames, 1, {4, 11}).value();
  ASSERT_EQ(picture.size(), 4u * 11 * 4);
  for (std::size_t y = 0; y < 11; ++y) {
    EXPECT_EQ(alpha_at(picture, 4, 0, y) != 0, y == 5) << y;
    EXPECT_NE(alpha_at(picture, 4, 3, y), 0) << y;
  }
}

TEST(waveform, takes_any_samples_and_refuses_sizes_of_nothing) {
  EXPECT_TRUE(draw_waveform({}, 2, {16, 1}));
  EXPECT_TRUE(draw_waveform(std::vector<float>{NAN, INFINITY, -INFINITY, 1e30F}, 2, {3, 5}));
  EXPECT_FALSE(draw_waveform(std::vector<float>(3), 2, {16, 16}));
  EXPECT_FALSE(draw_waveform({}, 0, {16, 16}));
  EXPECT_FALSE(draw_waveform({}, 1, {0, 16}));
  EXPECT_FALSE(draw_waveform({}, 1, {waveform_side_max + 1, 16}));
}

}  // namespace
}  // namespace graphite
