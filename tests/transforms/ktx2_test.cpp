#include "transforms/ktx2.hpp"

#include <gtest/gtest.h>
#include <squish.h>

#include <random>

#include "tests/transforms/texture_support.hpp"
#include "transforms/block_compress.hpp"
#include "transforms/ktx2_reader.hpp"

namespace graphite {
namespace {

using test::ktx2_of;
using test::png_of;
using test::some_image;

/// Little-endian numbers of a file; a reader of its own, by the specification.
struct file_view {
  const byte_vector& bytes;
  std::uint64_t number(std::size_t at, std::size_t width) const {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < width; ++i)
      out |= std::to_integer<std::uint64_t>(bytes.at(at + i)) << (8 * i);
    return out;
  }
  std::uint32_t u32(std::size_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }
  std::uint64_t u64(std::size_t at) const { return number(at, 8); }
};

struct expected_format {
  const char* name;
  const char* usage;
  std::uint32_t vk_format, model, transfer, block, samples;
};

constexpr expected_format expected_formats[] = {
    {"bc1", "color", 132, 128, 2, 8, 1},  {"bc1", "data", 131, 128, 1, 8, 1},
    {"bc3", "color", 138, 130, 2, 16, 2}, {"bc3", "data", 137, 130, 1, 16, 2},
    {"bc4", "data", 139, 131, 1, 8, 1},   {"bc5", "normal", 141, 132, 1, 16, 2},
    {"rgba8", "color", 43, 1, 2, 4, 4},   {"rgba8", "data", 37, 1, 1, 4, 4}};

TEST(ktx2, every_offset_size_and_descriptor_is_as_the_specification_says) {
  const auto png = png_of(some_image(37, 20, true));
  for (const auto& expected : expected_formats) {
    const auto bytes =
        ktx2_of(png, {{"format", std::string(expected.name)}, {"usage", std::string(expected.usage)}});
    const file_view file{bytes};
    EXPECT_EQ(as_text(bytes).substr(0, 12), "\xabKTX 20\xbb\r\n\x1a\n");
    EXPECT_EQ(file.u32(12), expected.vk_format) << expected.name;
    EXPECT_EQ(file.u32(16), 1u);
    EXPECT_EQ(file.u32(20), 37u);
    EXPECT_EQ(file.u32(24), 20u);
    EXPECT_EQ(file.u32(28), 0u);
    EXPECT_EQ(file.u32(32), 0u);
    EXPECT_EQ(file.u32(36), 1u);
    ASSERT_EQ(file.u32(40), 6u);
    EXPECT_EQ(file.u32(44), 0u);
    EXPECT_EQ(file.u64(64) + file.u64(72), 0u);

    const auto descriptor = file.u32(48);
    EXPECT_EQ(descriptor, 80u + 24 * 6);
    EXPECT_EQ(file.u32(52), 4 + 24 + 16 * expected.samples);
    EXPECT_EQ(file.u32(descriptor), file.u32(52));
    EXPECT_EQ(file.u32(descriptor + 4), 0u);
    EXPECT_EQ(file.u32(descriptor + 8), 2 | (24 + 16 * expected.samples) << 16);
    EXPECT_EQ(file.u32(descriptor + 12), expected.model | 1u << 8 | expected.transfer << 16);
    EXPECT_EQ(file.u32(descriptor + 16), std::string_view(expected.name) == "rgba8" ? 0u : 0x0303u);
    EXPECT_EQ(file.u32(descriptor + 20), expected.block);

    EXPECT_EQ(file.u32(56), descriptor + file.u32(52));
    const auto pairs_end = file.u32(56) + file.u32(60);
    std::uint64_t after = bytes.size();
    for (std::uint32_t level = 0; level < 6; ++level) {
      const auto at = file.u64(80 + 24 * level), size = file.u64(88 + 24 * level);
      EXPECT_EQ(at + size, after) << expected.name << level;
      EXPECT_EQ(at % expected.block, 0u);
      EXPECT_EQ(size, image_bytes(texel_format{expected.vk_format == 43
                                                   ? 37
                                                   : expected.vk_format - (expected.transfer == 2 ? 1 : 0)},
                                  side_at(37, level), side_at(20, level)));
      EXPECT_EQ(file.u64(96 + 24 * level), size);
      after = at;
    }
    EXPECT_LT(after - pairs_end, expected.block);
  }
}

TEST(ktx2, alpha_is_marked_linear_where_the_colour_is_not) {
  const auto channels = [](texel_format format, bool srgb) {
    const auto bytes = ktx2_descriptor(format, srgb);
    std::vector<unsigned> out;
    for (std::size_t at = 28; at < bytes.size(); at += 16)
      out.push_back(std::to_integer<unsigned>(bytes[at + 3]));
    return out;
  };
  EXPECT_EQ(channels(texel_format::rgba8, true), (std::vector{0u, 1u, 2u, 0x1fu}));
  EXPECT_EQ(channels(texel_format::rgba8, false), (std::vector{0u, 1u, 2u, 15u}));
  EXPECT_EQ(channels(texel_format::bc3, true), (std::vector{0x1fu, 0u}));
  EXPECT_EQ(channels(texel_format::bc5, false), (std::vector{0u, 1u}));
}

TEST(ktx2, keys_are_sorted_and_padded) {
  const auto bytes = ktx2_of(png_of(some_image(4, 4)), {{"format", std::string("bc4")}});
  const file_view file{bytes};
  std::vector<std::string> pairs;
  std::size_t at = file.u32(56);
  const auto end = at + file.u32(60);
  while (at < end) {
    const auto size = file.u32(at);
    pairs.emplace_back(as_text(bytes).substr(at + 4, size));
    at += 4 + (size + 3) / 4 * 4;
  }
  EXPECT_EQ(at, end);
  using namespace std::string_literals;
  EXPECT_EQ(pairs, (std::vector{"KTXorientation\0rd\0"s, "KTXswizzle\0rrr1\0"s, "KTXwriter\0graphite\0"s}));
}

TEST(ktx2, the_reader_gives_back_what_was_written) {
  const auto source = some_image(21, 14, true);
  const auto bytes = ktx2_of(png_of(source), {{"format", std::string("rgba8")}});
  const auto what = read_ktx2(bytes);
  ASSERT_TRUE(what) << what.error().context;
  EXPECT_EQ(*what, (ktx2_description{texel_format::rgba8, true, 21, 14, 0, 1, 5}));
  EXPECT_EQ(ktx2_pixels(bytes, 0, 0, 1 * MiB)->pixels, source.pixels);
  EXPECT_EQ(ktx2_pixels(bytes, 4, 0, 1 * MiB)->pixels.size(), 4u);
  EXPECT_EQ(ktx2_pixels(bytes, 5, 0, 1 * MiB).error().code, errc::invalid_argument);
  EXPECT_EQ(ktx2_pixels(bytes, 0, 1, 1 * MiB).error().code, errc::invalid_argument);
  EXPECT_EQ(ktx2_pixels(bytes, 0, 0, 100).error().code, errc::too_large);
}

TEST(ktx2, blocks_of_one_channel_are_read_as_another_decoder_reads_them) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 500; ++i) {
    rgba_image image{4, 4, std::vector<std::uint8_t>(64)};
    for (auto& value : image.pixels) value = static_cast<std::uint8_t>(random());
    ktx2_description what;
    what.format = texel_format::bc5;
    what.width = what.height = 4;
    auto file = ktx2_head(what, {16});
    const auto at = file.size();
    serial_calls threads;
    compress_blocks(image, texel_format::bc5, block_quality::normal, threads, file);
    if (i % 2 == 1) std::swap(file[at], file[at + 1]);  // the form with six values, which ours are never
    const auto pixels = ktx2_pixels(file, 0, 0, 1 * MiB);
    ASSERT_TRUE(pixels) << pixels.error().context;
    for (std::size_t channel = 0; channel < 2; ++channel) {
      std::array<std::byte, 16> block{};  // whose alpha is coded as one channel is
      std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(at + 8 * channel), 8, block.begin());
      std::array<std::uint8_t, 64> expected;
      squish::Decompress(expected.data(), block.data(), squish::kDxt5);
      for (std::size_t k = 0; k < 64; k += 4)
        ASSERT_NEAR(pixels->pixels[k + channel], expected[k + 3], 1) << i;  // it rounds down
    }
  }
}

TEST(ktx2, truncated_or_changed_files_are_refused_or_read_within_bounds) {
  const auto whole = ktx2_of(png_of(some_image(13, 9, true)));
  ASSERT_TRUE(read_ktx2(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(read_ktx2(byte_span(whole).first(size))) << size;
  std::mt19937_64 random(5);
  for (int i = 0; i < 5000; ++i) {
    auto changed = whole;
    changed[random() % 300] ^= static_cast<std::byte>(1u << random() % 8);
    const auto what = read_ktx2(changed);
    if (!what) continue;
    for (std::uint32_t level = 0; level < what->levels; ++level)
      EXPECT_TRUE(ktx2_pixels(changed, level, 0, 1 * MiB));
  }
}

}  // namespace
}  // namespace graphite
