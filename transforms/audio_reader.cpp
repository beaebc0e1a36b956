#include "transforms/audio_reader.hpp"

#include <fmt/format.h>
#include <sndfile.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace graphite {

namespace {

/// Where each channel of Vorbis's order stands in that of WAV, AIFF and FLAC.
constexpr std::array<std::array<std::uint8_t, 8>, 9> wav_channel_of{{{},
                                                                     {0},
                                                                     {0, 1},
                                                                     {0, 2, 1},
                                                                     {0, 1, 2, 3},
                                                                     {0, 2, 1, 3, 4},
                                                                     {0, 2, 1, 4, 5, 3},
                                                                     {0, 2, 1, 5, 6, 4, 3},
                                                                     {0, 2, 1, 6, 7, 4, 5, 3}}};

struct memory_sound {
  byte_span bytes;
  sf_count_t at = 0;
};

SF_VIRTUAL_IO memory_io() {
  SF_VIRTUAL_IO out{};
  out.get_filelen = [](void* user) {
    return static_cast<sf_count_t>(static_cast<memory_sound*>(user)->bytes.size());
  };
  out.seek = [](sf_count_t offset, int whence, void* user) -> sf_count_t {
    auto& sound = *static_cast<memory_sound*>(user);
    const auto size = static_cast<sf_count_t>(sound.bytes.size());
    const auto base = whence == SF_SEEK_SET ? 0 : whence == SF_SEEK_CUR ? sound.at : size;
    sf_count_t to = 0;
    if (__builtin_add_overflow(base, offset, &to) || to < 0) return -1;
    return sound.at = std::min(to, size);
  };
  out.read = [](void* into, sf_count_t count, void* user) -> sf_count_t {
    auto& sound = *static_cast<memory_sound*>(user);
    const auto left = static_cast<sf_count_t>(sound.bytes.size()) - sound.at;
    const auto taken = std::max<sf_count_t>(0, std::min(count, left));
    if (taken > 0) std::memcpy(into, sound.bytes.data() + sound.at, static_cast<std::size_t>(taken));
    sound.at += taken;
    return taken;
  };
  out.write = [](const void*, sf_count_t, void*) -> sf_count_t { return 0; };
  out.tell = [](void* user) { return static_cast<memory_sound*>(user)->at; };
  return out;
}

/// By the first bytes: the library would try many more formats.
bool is_known_sound(byte_span file) {
  const auto text = as_text(file);
  const auto kind = text.size() >= 12 ? text.substr(8, 4) : std::string_view();
  return (text.starts_with("RIFF") && kind == "WAVE") ||
         (text.starts_with("FORM") && (kind == "AIFF" || kind == "AIFC")) || text.starts_with("fLaC") ||
         text.starts_with("OggS");
}

/// From the order of WAV to that of Vorbis.
void reorder(std::span<float> frames, std::size_t channels) {
  std::array<float, audio_channels_max> frame{};
  for (std::size_t at = 0; at < frames.size(); at += channels) {
    for (std::size_t i = 0; i < channels; ++i) frame[i] = frames[at + wav_channel_of[channels][i]];
    std::copy_n(frame.begin(), channels, frames.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

bool is_known_format(int format, bool with_opus) {
  const auto coding = format & SF_FORMAT_SUBMASK;
  const bool plain = coding == SF_FORMAT_PCM_U8 || coding == SF_FORMAT_PCM_S8 || coding == SF_FORMAT_PCM_16 ||
                     coding == SF_FORMAT_PCM_24 || coding == SF_FORMAT_PCM_32;
  switch (format & SF_FORMAT_TYPEMASK) {
    case SF_FORMAT_WAV:
    case SF_FORMAT_WAVEX:
    case SF_FORMAT_AIFF:
      return plain || coding == SF_FORMAT_FLOAT || coding == SF_FORMAT_DOUBLE;
    case SF_FORMAT_FLAC:
      return plain;
    case SF_FORMAT_OGG:
      return coding == SF_FORMAT_VORBIS || (with_opus && coding == SF_FORMAT_OPUS);
    default:
      return false;
  }
}

}  // namespace

struct audio_reader::state {
  memory_sound sound;
  SF_VIRTUAL_IO io = memory_io();
  SF_INFO info{};
  SNDFILE* file = nullptr;
  std::uint64_t frames = 0;
  ~state() {
    if (file != nullptr) sf_close(file);
  }
};

audio_reader::audio_reader(std::unique_ptr<state> opened) : state_(std::move(opened)) {}
audio_reader::audio_reader(audio_reader&&) noexcept = default;
audio_reader& audio_reader::operator=(audio_reader&&) noexcept = default;
audio_reader::~audio_reader() = default;

int audio_reader::channels() const { return state_->info.channels; }
int audio_reader::rate_hz() const { return state_->info.samplerate; }

int audio_reader::sample_bits() const {
  switch (state_->info.format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
      return 8;
    case SF_FORMAT_PCM_16:
      return 16;
    default:
      return 24;
  }
}

result<audio_reader> audio_reader::open(byte_span file, bool with_opus) {
  if (file.empty()) return fail(errc::corrupt, "the file is empty");
  if (!is_known_sound(file)) return fail(errc::unsupported, "not WAV, AIFF, FLAC or Ogg");
  auto made = std::make_unique<state>();
  made->sound.bytes = file;
  made->file = sf_open_virtual(&made->io, SFM_READ, &made->info, &made->sound);
  if (made->file == nullptr) {
    const std::string_view why = sf_strerror(nullptr);
    return fail(errc::corrupt, why.find("SF_INFO") == why.npos
                                   ? fmt::format("no sound: {}", why)
                                   : "no sound: its header states a rate or channels that there cannot be");
  }
  const auto& info = made->info;
  if (!is_known_format(info.format, with_opus))
    return fail(errc::unsupported, "a coding other than PCM, float, FLAC or Vorbis");
  if (info.channels < 1 || info.channels > audio_channels_max)
    return fail(errc::too_large, fmt::format("{} channels: 1 to {}", info.channels, audio_channels_max));
  if (info.samplerate < audio_rate_min_hz || info.samplerate > audio_rate_max_hz)
    return fail(errc::corrupt,
                fmt::format("{} Hz: {} to {}", info.samplerate, audio_rate_min_hz, audio_rate_max_hz));
  return audio_reader(std::move(made));
}

result<std::size_t> audio_reader::read(std::span<float> frames) {
  const auto channels = static_cast<std::size_t>(state_->info.channels);
  const auto wanted = static_cast<sf_count_t>(frames.size() / channels);
  const auto got = sf_readf_float(state_->file, frames.data(), wanted);
  if (sf_error(state_->file) != SF_ERR_NO_ERROR || got < 0)
    return fail(errc::corrupt, fmt::format("frame {}: {}", state_->frames, sf_strerror(state_->file)));
  state_->frames += static_cast<std::uint64_t>(got);
  const auto declared = state_->info.frames;
  if (got == 0 && (state_->info.format & SF_FORMAT_TYPEMASK) != SF_FORMAT_OGG && declared != SF_COUNT_MAX &&
      state_->frames < static_cast<std::uint64_t>(declared))
    return fail(errc::corrupt, fmt::format("ends after {} of {} frames", state_->frames, declared));
  if (state_->frames * channels > audio_samples_max)
    return fail(errc::too_large, fmt::format("over {} samples", audio_samples_max));
  const auto samples = static_cast<std::size_t>(got) * channels;
  const auto kept = frames.first(samples);
  for (auto& sample : kept) sample = std::abs(sample) <= 65'536.0F ? sample : 0;
  if (channels > 2 && (state_->info.format & SF_FORMAT_TYPEMASK) != SF_FORMAT_OGG) reorder(kept, channels);
  return samples;
}

}  // namespace graphite
