#pragma once

#include "transforms/built_in.hpp"

namespace graphite {

/// For docs/transforms.md.
inline constexpr std::string_view audio_details =
    R"(Reads WAV, AIFF (whole numbers and float), FLAC and Ogg Vorbis by their bytes, of up to 8 channels and 1 kHz
to 768 kHz, block after block, so that memory does not grow with the length. Samples are brought to 48 kHz,
at which all Opus is decoded. Ogg Vorbis is compressed already: to encode it once more loses quality.

Makes one Ogg Opus stream with variable bit rate. Kept are the tags TITLE and ARTIST, and **loop points**: a
`smpl` chunk of WAV, and LOOPSTART with LOOPEND or LOOPLENGTH of FLAC and Ogg, become LOOPSTART and
LOOPLENGTH in samples at 48 kHz. Other tags, pictures and cue points are left out.

`loudness` measures by EBU R 128 and writes a gain into the header of the stream, which every decoder
applies; the samples stay as they are. The gain never lifts the highest sample over full scale, so that
quiet sound with loud peaks may stay below what was asked for.

From 64 kbit/s for one channel and 32 a channel for more, sound is cut into segments of eight seconds that
are encoded side by side where there are threads for it; each encoder begins 0.4 s early, so that the seams
are as near the source as the rest.

The same sound gives the same bytes in every run on one kind of processor. Those of different makers reckon
with approximations of their own in libopus, which `GRAPHITE_SIMD` does not reach: the kind of processor is
part of the key, so that one's result is never taken for the other's.)";

/// 0, or what the encoder takes.
inline result<void> check_audio_bitrate(const option_value& value) {
  const auto wanted = std::get<std::int64_t>(value);
  if (wanted == 0 || wanted >= 6) return {};
  return fail(errc::invalid_argument, std::to_string(wanted) + " is neither 0 nor 6 to 510 kbit/s");
}

/// WAV, AIFF, FLAC and Ogg Vorbis to Ogg Opus at 48 kHz.
///
/// Read in blocks, so that memory does not grow with the length. `loudness` measures by EBU R 128 and writes
/// a gain into the Opus header, which every decoder applies; samples stay as they are. The gain never lifts
/// the highest sample over full scale. Loop points (a WAV's smpl chunk; LOOPSTART with LOOPEND or LOOPLENGTH
/// of FLAC and Ogg) become the tags LOOPSTART and LOOPLENGTH, in samples at 48 kHz; TITLE and ARTIST stay.
/// Bounds: audio_channels_max and so on in transforms/audio_reader.hpp.
inline const transform_description& audio_description() {
  static const transform_description out{
      .name = "audio",
      .version = 2,
      .help = "encodes sound as Ogg Opus",
      .details = audio_details,
      .pictures = {{"images/audio-waveform.png",
                    "What `graphite preview` shows of a sound: in each column the lowest to the highest "
                    "sample, and within it the root mean square"}},
      .matches = {"*.{wav,aiff,aif,flac,ogg}"},
      .outputs = {"{dir}/{stem}.opus"},
      .options =
          {
              {.name = "bitrate",
               .standard = std::int64_t{0},
               .help = "0: 64 for mono, 96 for stereo, 48 a channel for more; else from 6",
               .least = 0,
               .most = 510,
               .unit = "kbit/s",
               .check = check_audio_bitrate},
              {.name = "channels",
               .standard = std::string("keep"),
               .help = "what the channels are mixed to",
               .choices = {"keep", "mono", "stereo"}},
              {.name = "complexity",
               .standard = std::int64_t{10},
               .help = "how long the encoder searches",
               .least = 0,
               .most = 10},
              {.name = "loudness",
               .standard = 0.0,
               .help = "what a gain brings the loudness to; 0: as it is",
               .least = -70,
               .most = 0,
               .unit = "LUFS"},
          },
      .references = {},
      .libraries = {"libopus", "libogg", "libsndfile", "libFLAC", "libvorbis", "libsoxr", "libebur128",
                    "libm"},
      .processor_matters = true,
      .inputs = {},
      .cost_ns_per_byte = 600,
      .timeout = milliseconds{600'000},
  };
  return out;
}

/// See transform_function.
result<transform_output> run_audio(const transform_input& in);

}  // namespace graphite
