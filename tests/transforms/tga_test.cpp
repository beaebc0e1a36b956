#include "transforms/tga.hpp"

#include <gtest/gtest.h>

#include <random>

#include "transforms/built_in.hpp"

namespace graphite {
namespace {

/// A header and what follows it, as numbers.
struct tga_file {
  unsigned type = 2, bits = 24, descriptor = 0x20, width = 2, height = 2;
  unsigned map_type = 0, map_first = 0, map_length = 0, map_bits = 0;
  std::string id = {};
  std::vector<unsigned> body = {};

  byte_vector bytes() const {
    std::vector<unsigned> all{static_cast<unsigned>(id.size()),
                              map_type,
                              type,
                              map_first & 255,
                              map_first >> 8,
                              map_length & 255,
                              map_length >> 8,
                              map_bits,
                              0,
                              0,
                              0,
                              0,
                              width & 255,
                              width >> 8,
                              height & 255,
                              height >> 8,
                              bits,
                              descriptor};
    for (const char c : id) all.push_back(static_cast<unsigned char>(c));
    all.insert(all.end(), body.begin(), body.end());
    byte_vector out;
    for (const auto value : all) out.push_back(static_cast<std::byte>(value));
    return out;
  }
};

using values = std::vector<std::uint8_t>;

values pixels_of(const tga_file& file) {
  const auto image = decode_tga(file.bytes(), decoded_bytes_max);
  EXPECT_TRUE(image) << image.error().context;
  return image ? image->pixels : values{};
}

TEST(tga, colours_of_24_bits_are_blue_first) {
  const tga_file file{.body = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
  EXPECT_EQ(pixels_of(file), (values{3, 2, 1, 255, 6, 5, 4, 255, 9, 8, 7, 255, 12, 11, 10, 255}));
}

TEST(tga, rows_begin_at_the_corner_that_the_header_names) {
  tga_file file{.type = 3, .bits = 8, .descriptor = 0, .body = {1, 2, 3, 4}};
  const auto firsts = [&](unsigned descriptor) {
    file.descriptor = descriptor;
    const auto pixels = pixels_of(file);
    return values{pixels[0], pixels[4], pixels[8], pixels[12]};
  };
  EXPECT_EQ(firsts(0x00), (values{3, 4, 1, 2}));
  EXPECT_EQ(firsts(0x10), (values{4, 3, 2, 1}));
  EXPECT_EQ(firsts(0x20), (values{1, 2, 3, 4}));
  EXPECT_EQ(firsts(0x30), (values{2, 1, 4, 3}));
}

TEST(tga, alpha_counts_where_the_header_says_so) {
  tga_file file{.bits = 32, .descriptor = 0x28, .width = 1, .height = 1, .body = {1, 2, 3, 4}};
  EXPECT_EQ(pixels_of(file), (values{3, 2, 1, 4}));
  file.descriptor = 0x20;
  EXPECT_EQ(pixels_of(file), (values{3, 2, 1, 255}));
}

TEST(tga, sixteen_bits_are_five_a_colour_and_one_of_alpha) {
  tga_file file{.bits = 16, .descriptor = 0x21, .width = 2, .height = 1, .body = {0x00, 0xfc, 0x1f, 0x00}};
  EXPECT_EQ(pixels_of(file), (values{255, 0, 0, 255, 0, 0, 255, 0}));
  file.descriptor = 0x20;
  EXPECT_EQ(pixels_of(file)[7], 255);
}

TEST(tga, run_lengths_go_on_over_the_end_of_a_row) {
  const tga_file file{.type = 11, .bits = 8, .width = 3, .body = {0x83, 9, 0x01, 7, 8}};
  const auto pixels = pixels_of(file);
  EXPECT_EQ((values{pixels[0], pixels[8], pixels[12], pixels[16], pixels[20]}), (values{9, 9, 9, 7, 8}));
}

TEST(tga, maps_begin_where_they_say_and_an_index_outside_is_refused) {
  tga_file file{.type = 1,
                .bits = 8,
                .width = 2,
                .height = 1,
                .map_type = 1,
                .map_first = 5,
                .map_length = 2,
                .map_bits = 24,
                .id = "made by hand",
                .body = {1, 2, 3, 4, 5, 6, 6, 5}};
  EXPECT_EQ(pixels_of(file), (values{6, 5, 4, 255, 3, 2, 1, 255}));
  for (const unsigned outside : {0u, 4u, 7u, 255u}) {
    file.body.back() = outside;
    EXPECT_EQ(decode_tga(file.bytes(), decoded_bytes_max).error().code, errc::corrupt) << outside;
  }
}

TEST(tga, headers_that_make_no_sense_are_none) {
  const auto looks = [](tga_file file) { return looks_like_tga(file.bytes()); };
  EXPECT_TRUE(looks({}));
  EXPECT_FALSE(looks({.type = 4}));
  EXPECT_FALSE(looks({.bits = 17}));
  EXPECT_FALSE(looks({.width = 0}));
  EXPECT_FALSE(looks({.type = 1, .bits = 8}));  // no map
  EXPECT_FALSE(looks({.descriptor = 0xe0}));
  EXPECT_FALSE(looks_like_tga({}));
}

TEST(tga, truncated_anywhere_is_refused_and_any_bytes_do_no_harm) {
  std::mt19937_64 random(11);
  for (const unsigned type : {1u, 2u, 3u, 9u, 10u, 11u}) {
    tga_file file{.type = type, .bits = type % 8 == 2 ? 24u : 8u, .width = 5, .height = 7};
    if (type % 8 == 1) file.map_type = 1, file.map_length = 256, file.map_bits = 32;
    for (unsigned i = 0; i < file.map_length * 4; ++i) file.body.push_back(i % 256);
    for (int i = 0; i < 35; ++i) {
      if (type > 8) file.body.push_back(0);  // packets of one pixel
      for (unsigned k = 0; k < file.bits / 8; ++k) file.body.push_back(static_cast<unsigned>(random() % 256));
    }
    const auto whole = file.bytes();
    EXPECT_TRUE(decode_tga(whole, decoded_bytes_max)) << type;
    for (std::size_t size = 0; size < whole.size(); ++size)
      ASSERT_FALSE(decode_tga(byte_span(whole).first(size), decoded_bytes_max)) << type << ' ' << size;
    for (int i = 0; i < 300; ++i) {
      auto changed = whole;
      for (int k = 0; k < 3; ++k) changed[random() % changed.size()] = static_cast<std::byte>(random());
      if (const auto image = decode_tga(changed, 1 * MiB)) {
        EXPECT_GT(image->width, 0u);
      }
    }
  }
}

}  // namespace
}  // namespace graphite
