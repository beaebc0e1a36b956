#include "transforms/image_decode.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/transforms/texture_support.hpp"
#include "transforms/built_in.hpp"

namespace graphite {
namespace {

using test::image_of;
using test::png_kind;
using test::png_of;
using test::rgba;
using test::some_image;

result<rgba_image> decode(byte_span bytes) { return decode_image(bytes, decoded_bytes_max); }

/// The grey that a sample of `depth` bits means, in eight.
unsigned grey_of(unsigned sample, unsigned depth) { return sample * 255 / ((1u << depth) - 1); }

/// Rows of samples 0, 1, 2 … packed as PNG has them, most significant bits first.
std::vector<std::uint8_t> counted_samples(std::uint32_t per_row, std::uint32_t height, unsigned depth) {
  std::vector<std::uint8_t> out;
  for (std::uint32_t y = 0; y < height; ++y) {
    unsigned bits = 0, held = 0;
    for (std::uint32_t x = 0; x < per_row; ++x) {
      const unsigned sample = (x + y) % (1u << depth);
      if (depth == 16) {
        out.push_back(static_cast<std::uint8_t>(sample * 16 % 256));
        out.push_back(7);
        continue;
      }
      bits = bits << depth | sample;
      if ((held += depth) == 8) out.push_back(static_cast<std::uint8_t>(bits)), bits = held = 0;
    }
    if (held > 0) out.push_back(static_cast<std::uint8_t>(bits << (8 - held)));
  }
  return out;
}

TEST(image_decode, png_grey_of_every_depth_interlaced_or_not) {
  for (const unsigned depth : {1u, 2u, 4u, 8u, 16u})
    for (const bool interlaced : {false, true}) {
      const png_kind kind{SPNG_COLOR_TYPE_GRAYSCALE, static_cast<std::uint8_t>(depth), interlaced};
      const auto image = decode(png_of(13, 9, kind, counted_samples(13, 9, depth)));
      ASSERT_TRUE(image) << depth << image.error().context;
      for (std::uint32_t i = 0; i < 13; ++i) {
        const auto expected = depth == 16 ? i * 16 : grey_of(i % (1u << depth), depth);
        EXPECT_EQ(image->row(0)[4 * i], expected) << depth << ' ' << i << interlaced;
        EXPECT_EQ(image->row(0)[4 * i + 2], expected);
        EXPECT_EQ(image->row(0)[4 * i + 3], 255);
      }
    }
}

TEST(image_decode, png_palettes_of_every_depth_with_a_transparent_entry) {
  for (const unsigned depth : {1u, 2u, 4u})
    for (const bool transparent : {false, true}) {
      const png_kind kind{SPNG_COLOR_TYPE_INDEXED, static_cast<std::uint8_t>(depth), true, transparent};
      const auto image = decode(png_of(17, 5, kind, counted_samples(17, 5, depth)));
      ASSERT_TRUE(image) << image.error().context;
      EXPECT_EQ(image->row(0)[3], transparent ? 0 : 255);
      EXPECT_EQ(image->row(0)[4], grey_of(1, depth));
      EXPECT_EQ(image->row(0)[7], 255);
    }
}

TEST(image_decode, png_colours_with_and_without_alpha_in_eight_and_sixteen_bits) {
  for (const std::uint8_t depth : {8, 16})
    for (const auto& [colour, channels] : {std::pair{SPNG_COLOR_TYPE_TRUECOLOR, 3u},
                                           {SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 4u},
                                           {SPNG_COLOR_TYPE_GRAYSCALE_ALPHA, 2u}}) {
      const auto raw = counted_samples(8 * channels, 4, depth);
      const auto image = decode(png_of(8, 4, {static_cast<std::uint8_t>(colour), depth}, raw));
      ASSERT_TRUE(image) << image.error().context;
      const auto step = depth / 8u;
      EXPECT_EQ(image->row(1)[8], raw[(8 * channels + 2 * channels) * step]);
      const auto alpha = channels == 3 ? 255u : raw[(8 * channels + 2 * channels + channels - 1) * step];
      EXPECT_EQ(image->row(1)[11], alpha);
    }
}

TEST(image_decode, png_with_a_transparent_colour) {
  const std::vector<std::uint8_t> raw{0, 0, 0, 0, 0, 1};
  const auto image = decode(png_of(2, 1, {SPNG_COLOR_TYPE_TRUECOLOR, 8, false, true}, raw));
  ASSERT_TRUE(image) << image.error().context;
  EXPECT_EQ(image->pixels, (std::vector<std::uint8_t>{0, 0, 0, 0, 0, 0, 1, 255}));
}

TEST(image_decode, jpeg_of_colour_and_grey_plain_and_progressive) {
  const auto source = image_of(40, 24, [](auto x, auto y) { return rgba{x * 6, y * 10, 128, 255}; });
  for (const int subsampling : {TJSAMP_444, TJSAMP_420, TJSAMP_GRAY})
    for (const int flags : {0, TJFLAG_PROGRESSIVE}) {
      const auto image = decode(test::jpeg_of(source, subsampling, flags));
      ASSERT_TRUE(image) << image.error().context;
      EXPECT_EQ(image->width, 40u);
      if (subsampling == TJSAMP_444) {
        EXPECT_GT(test::psnr(source, *image), 35);
      }
      if (subsampling == TJSAMP_GRAY) {
        EXPECT_EQ(image->pixels[0], image->pixels[1]);
      }
      EXPECT_EQ(image->pixels[3], 255);
    }
}

TEST(image_decode, a_jpeg_of_cmyk_is_refused_with_what_to_do) {
  const auto handle = tjInitCompress();
  const std::vector<unsigned char> cmyk(16 * 16 * 4, 99);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  ASSERT_EQ(tjCompress2(handle, cmyk.data(), 16, 0, 16, TJPF_CMYK, &buffer, &size, TJSAMP_444, 90, 0), 0);
  const auto image = decode({reinterpret_cast<const std::byte*>(buffer), size});
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, errc::invalid_argument);
  EXPECT_NE(image.error().context.find("RGB"), std::string::npos);
  tjFree(buffer);
  tjDestroy(handle);
}

/// Cut off, a file is refused; with bytes changed it is that or an image of its size.
void expect_harmless(const byte_vector& file) {
  ASSERT_TRUE(decode(file));
  for (int i = 0; i < 64; ++i)
    EXPECT_FALSE(decode(byte_span(file).first(file.size() * static_cast<std::size_t>(i) / 64))) << i;
  std::mt19937_64 random(7);
  for (int i = 0; i < 300; ++i) {
    auto changed = file;
    for (auto count = 1 + random() % 3; count > 0; --count)
      changed[random() % changed.size()] ^= static_cast<std::byte>(1 + random() % 255);
    const auto image = decode_image(changed, 4 * MiB);
    if (image) {
      EXPECT_EQ(image->pixels.size(), std::size_t{4} * image->width * image->height);
    }
  }
}

TEST(image_decode, broken_png_does_no_harm) {
  expect_harmless(png_of(some_image(33, 21, true)));
  const png_kind interlaced{SPNG_COLOR_TYPE_INDEXED, 4, true, true};
  expect_harmless(png_of(40, 30, interlaced, counted_samples(40, 30, 4)));
}

TEST(image_decode, broken_jpeg_does_no_harm) {
  expect_harmless(test::jpeg_of(some_image(48, 40), TJSAMP_420));
  expect_harmless(test::jpeg_of(some_image(48, 40), TJSAMP_420, TJFLAG_PROGRESSIVE));
}

TEST(image_decode, what_is_no_image_is_refused) {
  for (const auto* text : {"", "x", "GIF89a and then something that is longer than a header"})
    EXPECT_EQ(decode(as_bytes(text)).error().code, errc::invalid_argument) << text;
}

TEST(image_decode, sides_over_the_bound_are_refused_before_pixels_are_allocated) {
  auto png = png_of(some_image(4, 4));
  // IHDR: width and height behind the signature, length and name; its checksum follows 13 bytes.
  for (const std::size_t at : {18u, 19u, 22u, 23u}) png[at] = std::byte{0xff};
  const std::array crc{std::byte{0xb6}, std::byte{0x05}, std::byte{0xd9}, std::byte{0x50}};
  std::ranges::copy(crc, png.begin() + 29);
  EXPECT_EQ(decode(png).error().code, errc::too_large);
  byte_vector tga(18);
  tga[2] = std::byte{2};
  for (const std::size_t at : {12u, 13u, 14u, 15u}) tga[at] = std::byte{0xff};
  tga[16] = std::byte{32};
  EXPECT_EQ(decode(tga).error().code, errc::too_large);
  EXPECT_EQ(blank_image(65'535, 65'535, decoded_bytes_max).error().code, errc::too_large);
  EXPECT_EQ(blank_image(16'384, 16'384, decoded_bytes_max - 1).error().code, errc::too_large);
  EXPECT_EQ(blank_image(0, 1, decoded_bytes_max).error().code, errc::corrupt);
}

}  // namespace
}  // namespace graphite
