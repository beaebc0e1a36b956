#include "transforms/mip_chain.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <span>

#include "core/arena.hpp"
#include "kernels/downsample.hpp"
#include "transforms/bands.hpp"
#include "transforms/ktx2.hpp"

namespace graphite {

namespace {

constexpr std::size_t alpha_channel = 3;
// What a pixel without alpha still weighs: colours stay where nothing else is.
constexpr float weight_least = 1.0f / 1024;
// More than the taps of any filter.
constexpr std::size_t rows_kept = 32;
constexpr float coverage_scale_max = 16;
constexpr std::uint32_t rows_a_band = 64;

// weight_least + code / 255 · (1 - weight_least), as a fraction of whole numbers.
static_assert(weight_least == 1.0f / 1024);
constexpr code_reader weight_reader{nullptr, 1023, 255, 255 * 1024};
constexpr code_reader vector_reader{nullptr, 2, -255, 255};

code_reader reader_for(texel_meaning meaning, std::size_t channel) {
  if (channel == alpha_channel) return weight_reader;
  if (meaning == texel_meaning::colour) return {&linear_of_srgb()};
  return meaning == texel_meaning::normal ? vector_reader : code_reader{};
}

/// One level in float, channel by channel; colours multiplied by their weight.
struct float_level {
  std::uint32_t width = 0, height = 0;
  std::array<std::span<float>, 4> channels;
};

/// What float levels lie in, all until the end.
class level_memory {
 public:
  /// Of all levels together, which bounds it.
  level_memory(buffers& from, std::size_t bytes)
      : arena_(from,
               {.block_bytes = bytes, .block_bytes_max = bytes, .bytes_max = static_cast<std::size_t>(-1)}) {}

  float_level make_level(std::uint32_t width, std::uint32_t height, std::size_t channels) {
    float_level out{width, height, {}};
    for (std::size_t c = 0; c < channels; ++c) out.channels[c] = floats(std::size_t{width} * height);
    return out;
  }

  /// What a level takes.
  static std::size_t bytes_of(std::uint32_t width, std::uint32_t height, std::size_t channels) {
    return channels * (std::size_t{width} * height * sizeof(float) + alignment);
  }

 private:
  static constexpr std::size_t alignment = 64;

  std::span<float> floats(std::size_t count) {
    if (auto* const memory = arena_.allocate(count * sizeof(float), alignment))
      return {static_cast<float*>(memory), count};
    return heap_.emplace_back(count);
  }

  arena arena_;
  std::deque<std::vector<float>> heap_;
};

/// The rows of the level that is filtered: those of the image are unpacked as they are asked for.
class row_source {
 public:
  row_source(const rgba_image& image, texel_meaning meaning, std::size_t channels)
      : image_(&image), meaning_(meaning), channels_(channels) {
    held_.fill(-1);
    for (std::size_t c = 0; c < channels; ++c) rows_[c].resize(rows_kept * image.width);
  }
  explicit row_source(const float_level& level) : level_(&level) {}

  std::uint32_t width() const { return level_ ? level_->width : image_->width; }
  std::uint32_t height() const { return level_ ? level_->height : image_->height; }

  /// Whether average() can be asked: an image of which no pixel weighs more than another.
  bool averages() const { return image_ != nullptr && channels_ <= alpha_channel; }

  /// The mean of four pixels each, from rows 2 y and 2 y + 1; for each channel into out[channel].
  void average(std::uint32_t y, float* const* out) const {
    const auto readers = readers_of_channels();
    average_pixels(image_->row(2 * y), image_->row(2 * y + 1), std::span(readers).first(channels_), out,
                   image_->width / 2);
  }

  /// Valid until another row rows_kept away is asked for. Beyond the edge: the row at it.
  const float* row(std::size_t channel, std::int64_t wanted) {
    const auto y = static_cast<std::size_t>(std::clamp<std::int64_t>(wanted, 0, height() - 1));
    if (level_) return level_->channels[channel].data() + y * level_->width;
    const auto slot = y % rows_kept;
    if (held_[slot] != static_cast<std::int64_t>(y)) unpack(y, slot);
    return rows_[channel].data() + slot * image_->width;
  }

 private:
  std::array<code_reader, 4> readers_of_channels() const {
    std::array<code_reader, 4> out;
    for (std::size_t c = 0; c < channels_; ++c) out[c] = reader_for(meaning_, c);
    return out;
  }

  void unpack(std::size_t y, std::size_t slot) {
    const std::size_t width = image_->width;
    held_[slot] = static_cast<std::int64_t>(y);
    const auto readers = readers_of_channels();
    std::array<float*, 4> out;
    for (std::size_t c = 0; c < channels_; ++c) out[c] = rows_[c].data() + slot * width;
    unpack_pixels(image_->row(static_cast<std::uint32_t>(y)), std::span(readers).first(channels_), out.data(),
                  width);
    if (channels_ > alpha_channel)
      for (std::size_t c = 0; c < alpha_channel; ++c) multiply_row(out[c], out[alpha_channel], width);
  }

  const rgba_image* image_ = nullptr;
  const float_level* level_ = nullptr;
  texel_meaning meaning_ = texel_meaning::data;
  std::size_t channels_ = 0;
  std::array<std::int64_t, rows_kept> held_{};
  std::array<std::vector<float>, 4> rows_;
};

/// A row with as many copies of its ends on either side as the filter reaches out.
class padded_row {
 public:
  padded_row(std::uint32_t width, std::size_t taps)
      : width_(width), pad_(taps + 2), values_(width + 2 * pad_) {}
  float* begin() { return values_.data() + pad_; }
  void pad() {
    std::fill_n(values_.begin(), pad_, values_[pad_]);
    std::fill_n(values_.begin() + static_cast<std::ptrdiff_t>(pad_ + width_), pad_,
                values_[pad_ + width_ - 1]);
  }

 private:
  std::size_t width_, pad_;
  std::vector<float> values_;
};

void halve_across(const float* in, const filter_taps& taps, float* out, std::uint32_t count) {
  if (taps.uniform) return halve_row(in + taps.first[0], {taps.weights.data(), taps.count}, out, count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto* from = in + taps.first_of(i);
    const auto* weights = taps.weights_of(i);
    auto sum = from[0] * weights[0];
    for (std::size_t k = 1; k < taps.count; ++k) sum = sum + from[k] * weights[k];
    out[i] = sum;
  }
}

/// A level of half the size, row by row.
class halving {
 public:
  halving(std::uint32_t width, std::uint32_t height, std::size_t channels, mip_filter filter,
          level_memory& memory)
      : made(memory.make_level(side_at(width, 1), side_at(height, 1), channels)),
        width_(width),
        channels_(channels),
        across_(taps_of(width, made.width, filter)),
        down_(taps_of(height, made.height, filter)),
        plain_(filter == mip_filter::box && across_.uniform && down_.uniform) {}

  void make_rows(row_source from, std::uint32_t first, std::uint32_t end) {
    if (plain_ && from.averages()) return average_rows(from, first, end);
    padded_row between(width_, across_.count);
    std::vector<const float*> rows(down_.count);
    for (auto y = first; y < end; ++y)
      for (std::size_t c = 0; c < channels_; ++c) {
        for (std::size_t k = 0; k < down_.count; ++k)
          rows[k] = from.row(c, down_.first_of(y) + static_cast<std::int64_t>(k));
        auto* to = made.channels[c].data() + std::size_t{made.width} * y;
        if (plain_) {
          average_2x2(rows[0], rows[1], to, made.width);
          continue;
        }
        weigh_rows(rows, down_.weights_of(y), between.begin(), width_);
        between.pad();
        halve_across(between.begin(), across_, to, made.width);
      }
  }

  float_level made;

 private:
  void average_rows(const row_source& from, std::uint32_t first, std::uint32_t end) {
    std::array<float*, 4> to{};
    for (auto y = first; y < end; ++y) {
      for (std::size_t c = 0; c < channels_; ++c)
        to[c] = made.channels[c].data() + std::size_t{made.width} * y;
      from.average(y, to.data());
    }
  }

  std::uint32_t width_;
  std::size_t channels_;
  filter_taps across_, down_;
  bool plain_;
};

float alpha_of(float weight) { return (weight - weight_least) / (1 - weight_least); }

/// What to multiply alpha by, so that `share` of the pixels are over `reference`.
float coverage_scale(const float_level& level, double share, double reference) {
  const auto alpha = level.channels[alpha_channel];
  std::vector<float> weights(alpha.begin(), alpha.end());
  const auto wanted = static_cast<std::size_t>(share * static_cast<double>(weights.size()) + 0.5);
  if (wanted == 0) return 1;
  const auto last = weights.begin() + static_cast<std::ptrdiff_t>(wanted - 1);
  std::nth_element(weights.begin(), last, weights.end(), std::greater<>());
  const auto least = alpha_of(*last);
  const auto scale = static_cast<float>(reference + 1.0 / 255) / std::max(least, 1e-6f);
  return std::min(scale, coverage_scale_max);
}

/// Levels in float to pixels.
class packer {
 public:
  packer(const rgba_image& image, const mip_options& options, std::size_t channels)
      : options_(options), channels_(channels) {
    if (options.alpha_coverage <= 0 || channels <= alpha_channel) return;
    std::size_t over = 0;
    const auto bound = options.alpha_coverage * 255;
    for (std::size_t i = alpha_channel; i < image.pixels.size(); i += 4) over += image.pixels[i] > bound;
    share_ = static_cast<double>(over) / (static_cast<double>(image.pixels.size()) / 4);
  }

  rgba_image pack(const float_level& level, parallel_calls& threads) const {
    rgba_image out{level.width, level.height, {}};
    out.pixels.assign(std::size_t{4} * level.width * level.height, 255);
    const auto scale = share_ > 0 ? coverage_scale(level, share_, options_.alpha_coverage) : 1.0f;
    for_each_band(threads, level.height, rows_a_band,
                  [&](std::uint32_t first, std::uint32_t end) { pack_rows(level, scale, first, end, out); });
    return out;
  }

 private:
  void pack_rows(const float_level& level, float scale, std::uint32_t first, std::uint32_t end,
                 rgba_image& out) const {
    const std::size_t width = level.width;
    std::array<std::vector<float>, 4> rows;
    std::array<const float*, 4> values;
    std::array<code_quantizer, 4> quantizers;
    for (auto y = first; y < end; ++y) {
      for (std::size_t c = 0; c < channels_; ++c) {
        const auto* from = level.channels[c].data() + width * y;
        rows[c].assign(from, from + width);
      }
      if (options_.meaning == texel_meaning::normal)
        normalize_rows(rows[0].data(), rows[1].data(), rows[2].data(), width);
      if (channels_ > alpha_channel) {
        for (std::size_t c = 0; c < alpha_channel; ++c)
          divide_row(rows[c].data(), rows[alpha_channel].data(), weight_least / 4, width);
        for (auto& weight : rows[alpha_channel]) weight = alpha_of(weight) * scale;
      }
      for (std::size_t c = 0; c < channels_; ++c) {
        values[c] = rows[c].data();
        quantizers[c] = quantizer_of(c);
      }
      pack_pixels(values.data(), std::span(quantizers).first(channels_), out.row(y), width);
    }
  }

  code_quantizer quantizer_of(std::size_t channel) const {
    return options_.meaning == texel_meaning::colour && channel < alpha_channel ? srgb_quantizer()
                                                                                : code_quantizer{};
  }

  mip_options options_;
  std::size_t channels_;
  double share_ = 0;
};

/// What all levels below the image take.
std::size_t level_bytes(const rgba_image& image, std::uint32_t levels, std::size_t channels) {
  std::size_t out = 0;
  for (std::uint32_t level = 1; level < levels; ++level)
    out += level_memory::bytes_of(side_at(image.width, level), side_at(image.height, level), channels);
  return out;
}

}  // namespace

std::uint32_t levels_skipped(std::uint32_t width, std::uint32_t height, const mip_options& options) {
  std::uint32_t out = 0;
  if (options.side_max == 0) return out;
  while (std::max(side_at(width, out), side_at(height, out)) > options.side_max) ++out;
  return out;
}

void make_levels(const rgba_image& image, const mip_options& options, parallel_calls& threads,
                 buffers& memory, const std::function<void(const rgba_image&)>& each) {
  const std::size_t channels = options.alpha && options.meaning != texel_meaning::normal ? 4 : 3;
  const auto skipped = levels_skipped(image.width, image.height, options);
  const auto levels = options.mips ? level_count_of(image.width, image.height) : skipped + 1;
  const packer pack(image, options, channels);
  if (skipped == 0) each(image);
  level_memory lasting(memory, level_bytes(image, levels, channels));
  float_level current;
  for (std::uint32_t level = 1; level < levels; ++level) {
    const auto above = [&] {
      return level == 1 ? row_source(image, options.meaning, channels) : row_source(current);
    };
    halving next(level == 1 ? image.width : current.width, level == 1 ? image.height : current.height,
                 channels, options.filter, lasting);
    for_each_band(threads, next.made.height, rows_a_band,
                  [&](std::uint32_t first, std::uint32_t end) { next.make_rows(above(), first, end); });
    current = next.made;
    if (level >= skipped) each(pack.pack(current, threads));
  }
}

}  // namespace graphite
