#include "transforms/audio_mix.hpp"

#include <soxr.h>

#include <array>
#include <string_view>

namespace graphite {

namespace {

/// Left, right, centre, rear left and right, rear centre, low frequencies: by channels, Vorbis's order.
constexpr std::array<std::string_view, 9> layouts{"",      "C",      "LR",      "LCR",     "LRlr",
                                                  "LCRlr", "LCRlrF", "LCRlrcF", "LCRlrlrF"};

/// How much of a channel goes to the left (or, with the sides changed, to the right).
float weight(char channel, bool right) {
  constexpr float half = 0.70710678F;
  switch (channel) {
    case 'L':
      return right ? 0.0F : 1.0F;
    case 'R':
      return right ? 1.0F : 0.0F;
    case 'l':
      return right ? 0.0F : half;
    case 'r':
      return right ? half : 0.0F;
    case 'C':
    case 'c':
      return half;
    default:
      return 0.0F;
  }
}

}  // namespace

std::span<const float> mixed_frames(std::span<const float> frames, int from, int to,
                                    std::vector<float>& room) {
  if (from == to) return frames;
  const auto channels = static_cast<std::size_t>(from), wanted = static_cast<std::size_t>(to);
  std::array<std::array<float, 8>, 2> weights{};
  for (std::size_t side = 0; side < wanted; ++side) {
    float sum = 0;
    for (std::size_t i = 0; i < channels; ++i) {
      auto& one = weights[side][i];
      one = weight(layouts[channels][i], side == 1);
      if (wanted == 1) one += weight(layouts[channels][i], true);
      sum += one;
    }
    for (auto& one : weights[side]) one /= sum;
  }
  room.clear();
  for (std::size_t at = 0; at + channels <= frames.size(); at += channels)
    for (std::size_t side = 0; side < wanted; ++side) {
      float sum = 0;
      for (std::size_t i = 0; i < channels; ++i) sum += weights[side][i] * frames[at + i];
      room.push_back(sum);
    }
  return room;
}

struct audio_resampler::state {
  soxr_t soxr = nullptr;  // null at 48 kHz
  std::size_t channels = 1;
  double ratio = 1;
  std::vector<float> out;
  ~state() {
    if (soxr != nullptr) soxr_delete(soxr);
  }
};

audio_resampler::audio_resampler(std::unique_ptr<state> made) : state_(std::move(made)) {}
audio_resampler::audio_resampler(audio_resampler&&) noexcept = default;
audio_resampler& audio_resampler::operator=(audio_resampler&&) noexcept = default;
audio_resampler::~audio_resampler() = default;

result<audio_resampler> audio_resampler::make(int rate_hz, int channels) {
  auto out = std::make_unique<state>();
  out->channels = static_cast<std::size_t>(channels);
  out->ratio = 48'000.0 / rate_hz;
  if (rate_hz != 48'000) {
    const auto quality = soxr_quality_spec(SOXR_HQ, 0);
    const auto runtime = soxr_runtime_spec(1);
    soxr_error_t mistake = nullptr;
    out->soxr =
        soxr_create(rate_hz, 48'000, static_cast<unsigned>(channels), &mistake, nullptr, &quality, &runtime);
    if (out->soxr == nullptr || mistake != nullptr) return fail(errc::too_large, "no memory to resample");
  }
  return audio_resampler(std::move(out));
}

result<std::span<const float>> audio_resampler::feed(std::span<const float> frames) {
  if (state_->soxr == nullptr) return frames;
  const auto channels = state_->channels;
  auto& out = state_->out;
  std::size_t taken = 0, made = 0, had = 0;
  const auto count = frames.size() / channels;
  do {
    const auto room = static_cast<std::size_t>(static_cast<double>(count - taken) * state_->ratio) + 4096;
    if (out.size() < had + room * channels) out.resize(had + room * channels);
    std::size_t used = 0;
    const auto* from = count == 0 ? nullptr : frames.data() + taken * channels;
    if (soxr_process(state_->soxr, from, count - taken, &used, out.data() + had, room, &made) != nullptr)
      return fail(errc::io, "the resampler failed");
    had += made * channels;
    taken += used;
    if (used == 0 && made == 0 && taken < count) return fail(errc::io, "the resampler takes nothing");
  } while (taken < count || (count == 0 && made > 0));
  return std::span<const float>(out).first(had);
}

}  // namespace graphite
