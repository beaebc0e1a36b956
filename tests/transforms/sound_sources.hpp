#pragma once

#include <gtest/gtest.h>
#include <sndfile.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

/// \file Sound made in code.

namespace graphite::test {

inline constexpr double pi = 3.14159265358979;

/// A tone of its own in each channel, of half amplitude.
inline std::vector<float> tones(int channels, int rate_hz, double seconds, double amplitude = 0.5) {
  std::vector<float> out;
  for (int i = 0; i < static_cast<int>(seconds * rate_hz); ++i)
    for (int c = 0; c < channels; ++c)
      out.push_back(static_cast<float>(amplitude * std::sin(2 * pi * (220.0 * (c + 1)) * i / rate_hz)));
  return out;
}

/// What libsndfile writes of frames; the format is SF_FORMAT_…
inline std::string encoded(int format, int channels, int rate_hz, const std::vector<float>& frames) {
  struct memory {
    std::string bytes;
    sf_count_t at = 0;
  } out;
  SF_VIRTUAL_IO io{};
  io.get_filelen = [](void* user) {
    return static_cast<sf_count_t>(static_cast<memory*>(user)->bytes.size());
  };
  io.seek = [](sf_count_t offset, int whence, void* user) {
    auto& to = *static_cast<memory*>(user);
    const auto size = static_cast<sf_count_t>(to.bytes.size());
    return to.at = offset + (whence == SF_SEEK_SET ? 0 : whence == SF_SEEK_CUR ? to.at : size);
  };
  io.read = [](void*, sf_count_t, void*) -> sf_count_t { return 0; };
  io.write = [](const void* data, sf_count_t count, void* user) {
    auto& to = *static_cast<memory*>(user);
    const auto end = static_cast<std::size_t>(to.at + count);
    if (to.bytes.size() < end) to.bytes.resize(end);
    std::memcpy(to.bytes.data() + to.at, data, static_cast<std::size_t>(count));
    to.at += count;
    return count;
  };
  io.tell = [](void* user) { return static_cast<memory*>(user)->at; };
  SF_INFO info{};
  info.format = format;
  info.channels = channels;
  info.samplerate = rate_hz;
  auto* file = sf_open_virtual(&io, SFM_WRITE, &info, &out);
  EXPECT_NE(file, nullptr) << sf_strerror(nullptr);
  if (file == nullptr) return "";
  sf_writef_float(file, frames.data(), static_cast<sf_count_t>(frames.size()) / channels);
  sf_close(file);
  return out.bytes;
}

inline std::string wav(int channels, int rate_hz, const std::vector<float>& frames,
                       int coding = SF_FORMAT_PCM_16) {
  return encoded((channels > 2 ? SF_FORMAT_WAVEX : SF_FORMAT_WAV) | coding, channels, rate_hz, frames);
}

}  // namespace graphite::test
