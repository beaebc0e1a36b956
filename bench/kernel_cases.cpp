#include "bench/kernel_cases.hpp"

#include <array>
#include <memory>
#include <random>
#include <span>

#include "bench/child.hpp"
#include "kernels/block_statistics.hpp"
#include "kernels/byte_compare.hpp"
#include "kernels/crc32c.hpp"
#include "kernels/dense_layer.hpp"
#include "kernels/pixel_codes.hpp"
#include "platform/linux/buffer_pool.hpp"
#include "transforms/mip_chain.hpp"

namespace graphite::bench {

namespace {

constexpr std::size_t picture_width = 4096;

byte_span span_of(const std::vector<std::uint8_t>& bytes) { return std::as_bytes(std::span(bytes)); }

void demand(bool right, const char* name) {
  if (!right) give_up(std::string(name) + " gave a wrong result");
}

/// A level of half the size, row by row: read, averaged and packed.
class halving_step {
 public:
  explicit halving_step(bool srgb) {
    readers_.fill(srgb ? code_reader{&linear_of_srgb()} : code_reader{});
    quantizers_.fill(srgb ? srgb_quantizer() : code_quantizer{});
    readers_[3] = {};
    quantizers_[3] = {};
    for (std::size_t c = 0; c < 4; ++c) {
      values_[c].resize(picture_width / 2);
      to_[c] = values_[c].data();
      from_[c] = values_[c].data();
    }
  }

  void run(const std::vector<std::uint8_t>& picture, std::vector<std::uint8_t>& out) {
    constexpr auto row_bytes = 4 * picture_width;
    for (std::size_t at = 0; at + 2 * row_bytes <= picture.size(); at += 2 * row_bytes) {
      average_pixels(picture.data() + at, picture.data() + at + row_bytes, readers_, to_.data(),
                     picture_width / 2);
      pack_pixels(from_.data(), quantizers_, out.data() + at / 4, picture_width / 2);
    }
  }

 private:
  std::array<code_reader, 4> readers_;
  std::array<code_quantizer, 4> quantizers_;
  std::array<std::vector<float>, 4> values_;
  std::array<float*, 4> to_{};
  std::array<const float*, 4> from_{};
};

kernel_case halving_case(const char* name, bool srgb, kernel_data& data) {
  const auto step = std::make_shared<halving_step>(srgb);
  const auto size = static_cast<double>(data.bytes().size());
  return {name, size, size * 1.25, [step, &data] { step->run(data.bytes(), data.out()); }};
}

/// What the texture transform does with a picture: all levels, in the sharper filter, on one thread.
kernel_case mip_chain_case(const kernel_data& data) {
  constexpr std::uint32_t side = 1024;
  const auto bytes = std::size_t{4} * side * side;
  const auto picture = std::make_shared<rgba_image>();
  picture->width = picture->height = side;
  picture->pixels.assign(data.bytes().begin(), data.bytes().begin() + static_cast<std::ptrdiff_t>(bytes));
  const auto memory = std::make_shared<buffer_pool>(buffer_pool_options{});
  return {"mip_chain", static_cast<double>(bytes), 0, [picture, memory] {
            serial_calls one_thread;
            std::size_t levels = 0;
            make_levels(*picture, {}, one_thread, *memory, [&](const rgba_image&) { ++levels; });
            demand(levels == 11, "mip_chain");
          }};
}

kernel_case block_case(kernel_data& data) {
  const auto size = data.bytes().size();
  return {"block_statistics", static_cast<double>(size), static_cast<double>(size) * 1.5, [&data, size] {
            const auto height = size / (4 * picture_width);
            auto* const out = reinterpret_cast<block_statistics*>(data.out().data());
            block_statistics_of(data.bytes().data(), picture_width, height, {out, size / 64});
            demand(out[size / 64 - 1].sum[0] > 0, "block_statistics");
          }};
}

/// 64 numbers to 64, for as many vectors as a predictor asks of at once.
kernel_case layer_case() {
  constexpr std::size_t side = 64, batch = 256, turns = 64;
  struct numbers {
    std::vector<float> weights, bias, in, out;
  };
  const auto held = std::make_shared<numbers>();
  std::mt19937 random(1);
  const auto fill = [&](std::vector<float>& values, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<float>(random() % 2001) / 1000 - 1);
  };
  fill(held->weights, side * side);
  fill(held->bias, side);
  fill(held->in, side * batch);
  held->out.resize(side * batch);
  const auto bytes = 2.0 * 4 * side * batch * turns;
  return {"dense_layer", bytes, 0, [held] {
            const dense_layer layer{side, side, held->weights.data(), held->bias.data(), activation::relu};
            for (std::size_t i = 0; i < turns; ++i)
              apply_dense(layer, held->in.data(), held->out.data(), batch);
          }};
}

}  // namespace

kernel_data::kernel_data(std::size_t bytes) : bytes_(bytes) {
  std::mt19937_64 random(1);
  for (std::size_t at = 0; at < bytes; at += 8) {
    const auto word = random();
    std::memcpy(bytes_.data() + at, &word, 8);
  }
  copy_ = bytes_;
  out_.assign(bytes, 0);
}

std::vector<kernel_case> kernel_cases(kernel_data& data) {
  const auto size = data.bytes().size();
  const auto one = static_cast<double>(size), both = 2 * one;
  const auto map = std::make_shared<std::vector<std::uint64_t>>(block_map_words(size));
  std::vector<kernel_case> out;
  const auto left = span_of(data.bytes()), right = span_of(data.copy());
  const auto crc = scalar::crc32c(left);
  out.push_back({"crc32c", one, one, [=] { demand(crc32c(left) == crc, "crc32c"); }});
  out.push_back({"equal_prefix", both, both, [=] { demand(equal_prefix(left, right) == size, "prefix"); }});
  out.push_back({"equal_suffix", both, both, [=] { demand(equal_suffix(left, right) == size, "suffix"); }});
  out.push_back({"differing_blocks", both, both,
                 [=] { demand(differing_blocks(left, right, *map) == 0, "differing_blocks"); }});
  out.push_back(block_case(data));
  out.push_back(layer_case());
  out.push_back(halving_case("downsample_linear", false, data));
  out.push_back(halving_case("downsample_srgb", true, data));
  out.push_back(mip_chain_case(data));
  return out;
}

}  // namespace graphite::bench
