#include "transforms/texture.hpp"

#include <gtest/gtest.h>

#include <random>

#include "kernels/simd_target.hpp"
#include "tests/transforms/texture_support.hpp"
#include "transforms/ktx2_reader.hpp"
#include "transforms/texture_plan.hpp"

namespace graphite {
namespace {

using test::code_of;
using test::given_options;
using test::image_of;
using test::ktx2_of;
using test::memory_files;
using test::png_of;
using test::rgba;
using test::some_image;
using test::texture_of;

using texts = std::vector<std::string>;

option_value text(const char* value) { return std::string(value); }

texel_format format_of(const rgba_image& image, std::string_view name, const given_options& given = {}) {
  return read_ktx2(ktx2_of(png_of(image), given, name)).value().format;
}

TEST(texture, has_the_header_first_and_then_the_levels_from_the_smallest) {
  const auto made = texture_of(png_of(some_image(64, 32)));
  ASSERT_TRUE(made) << made.error().context;
  ASSERT_EQ(made->assets.size(), 1u);
  EXPECT_EQ(made->assets[0].path.str(), "img/a.ktx2");
  const auto& parts = made->assets[0].parts;
  ASSERT_EQ(parts.size(), 8u);
  EXPECT_EQ(parts[1].size(), 8u);
  EXPECT_EQ(parts[7].size(), 64u * 32 / 2);
}

TEST(texture, every_level_of_every_format_is_near_what_was_filtered) {
  const auto image = image_of(64, 48, [](auto x, auto y) {
    const auto v = x + y;
    return rgba{v * 2, v, 255 - v, 128 + v};
  });
  const auto plain = ktx2_of(png_of(image), {{"format", text("rgba8")}});
  for (const auto* format : {"bc1", "bc3"})
    for (const auto* quality : {"fast", "normal", "high"}) {
      const auto packed = ktx2_of(png_of(image), {{"format", text(format)}, {"quality", text(quality)}});
      for (std::uint32_t level = 0; level < 4; ++level) {
        const auto a = ktx2_pixels(plain, level, 0, 1 * MiB), b = ktx2_pixels(packed, level, 0, 1 * MiB);
        ASSERT_TRUE(a && b);
        EXPECT_GT(test::psnr(*a, *b, format[2] == '3' ? 4 : 3), 32) << format << quality << level;
      }
    }
}

TEST(texture, data_and_normals_of_one_and_two_channels_are_near_the_source) {
  const auto image = image_of(64, 64, [](auto x, auto) {
    return rgba{x * 3 + 20, x * 3 + 20, x * 3 + 20, 255};
  });
  const auto grey = ktx2_of(png_of(image), {}, "a_rough.png");
  EXPECT_GT(test::psnr(image, ktx2_pixels(grey, 0, 0, 1 * MiB).value()), 45);
  const auto bumps = image_of(64, 64, [](auto x, auto y) {
    const auto a = std::sin(x * 0.2) * 0.5, b = std::cos(y * 0.2) * 0.5;
    const auto byte = [](double v) { return static_cast<unsigned>(v * 127.5 + 128); };
    return rgba{byte(a), byte(b), byte(std::sqrt(1 - a * a - b * b)), 255};
  });
  const auto normals = ktx2_of(png_of(bumps), {}, "a_n.png");
  EXPECT_GT(test::psnr(bumps, ktx2_pixels(normals, 0, 0, 1 * MiB).value()), 38);
}

TEST(texture, the_format_follows_the_content_and_the_usage_the_name) {
  const auto colour = some_image(8, 8), clear = some_image(8, 8, true);
  const auto grey = image_of(8, 8, [](auto x, auto) { return rgba{x, x, x, 255}; });
  EXPECT_EQ(format_of(colour, "a.png"), texel_format::bc1);
  EXPECT_EQ(format_of(clear, "a.png"), texel_format::bc3);
  EXPECT_EQ(format_of(colour, "wall_n.png"), texel_format::bc5);
  EXPECT_EQ(format_of(colour, "wall_Normal.png"), texel_format::bc5);
  EXPECT_EQ(format_of(grey, "wall_rough.png"), texel_format::bc4);
  EXPECT_EQ(format_of(grey, "wall.png"), texel_format::bc1);
  EXPECT_EQ(format_of(colour, "wall_orm.png"), texel_format::bc1);
  EXPECT_EQ(format_of(grey, "wall.png", {{"format", text("bc4")}}), texel_format::bc4);
  EXPECT_FALSE(read_ktx2(ktx2_of(png_of(colour), {}, "wall_orm.png"))->srgb);
  EXPECT_TRUE(read_ktx2(ktx2_of(png_of(colour), {}, "wall.png"))->srgb);
  EXPECT_EQ(meaning_of_name("common"), texel_meaning::colour);
  EXPECT_EQ(code_of(texture_of(png_of(grey), {{"format", text("bc4")}, {"usage", text("color")}})),
            errc::invalid_argument);
}

TEST(texture, a_cube_finds_its_faces_by_name_or_in_the_list) {
  memory_files files;
  texts listed;
  const char* endings[] = {"px", "nx", "py", "ny", "pz", "nz"};
  for (unsigned face = 0; face < 6; ++face) {
    const auto image = image_of(8, 8, [&](auto, auto) { return rgba{face * 40, 0, 0, 255}; });
    files.files[std::string("img/sky_") + endings[face] + ".png"] = png_of(image);
    if (face > 0) listed.push_back(std::string("../img/sky_") + endings[face] + ".png");
  }
  const auto first = files.files["img/sky_px.png"];
  const given_options by_name{{"layout", text("cube")}, {"format", text("rgba8")}};
  auto by_list = by_name;
  by_list["layers"] = listed;
  const auto bytes = ktx2_of(first, by_name, "img/sky_px.png", files);
  EXPECT_EQ(read_ktx2(bytes)->faces, 6u);
  for (std::uint32_t face = 0; face < 6; ++face)
    EXPECT_EQ(ktx2_pixels(bytes, 1, face, 1 * MiB)->pixels[0], face * 40);
  EXPECT_EQ(ktx2_of(first, by_list, "img/sky_px.png", files), bytes);
  files.files.erase("img/sky_nz.png");
  EXPECT_EQ(code_of(texture_of(first, by_name, "img/sky_px.png", files)), errc::not_found);
  EXPECT_EQ(code_of(texture_of(first, by_name, "img/sky.png", files)), errc::invalid_argument);
}

TEST(texture, an_array_has_its_layers_in_order_and_all_are_of_one_size) {
  memory_files files;
  files.files["img/b.png"] = png_of(image_of(4, 4, [](auto, auto) { return rgba{50, 50, 50, 255}; }));
  files.files["img/c.png"] = png_of(some_image(5, 4));
  files.files["img/d.png"] = byte_vector(40, std::byte{0x89});
  const auto first = png_of(image_of(4, 4, [](auto, auto) { return rgba{10, 10, 10, 255}; }));
  given_options given{
      {"layout", text("array")}, {"format", text("rgba8")}, {"layers", texts{"b.png", "b.png"}}};
  const auto bytes = ktx2_of(first, given, "img/a.png", files);
  EXPECT_EQ(read_ktx2(bytes)->layers, 3u);
  EXPECT_EQ(ktx2_pixels(bytes, 2, 0, 1 * MiB)->pixels[0], 10);
  EXPECT_EQ(ktx2_pixels(bytes, 2, 2, 1 * MiB)->pixels[0], 50);
  given["layers"] = texts{"c.png"};
  const auto other = texture_of(first, given, "img/a.png", files);
  EXPECT_EQ(code_of(other), errc::invalid_argument);
  EXPECT_NE(other.error().context.find("img/c.png:1: 5 × 4"), std::string::npos) << other.error().context;
  for (const auto& [name, code] : {std::pair{"d.png", errc::invalid_argument},
                                   {"e.png", errc::not_found},
                                   {"../../x.png", errc::invalid_argument}}) {
    given["layers"] = texts{name};
    EXPECT_EQ(code_of(texture_of(first, given, "img/a.png", files)), code) << name;
  }
  EXPECT_EQ(code_of(texture_of(first, {{"layers", texts{"b.png"}}}, "img/a.png", files)),
            errc::invalid_argument);
}

TEST(texture, a_largest_size_and_one_level_are_what_was_asked_for) {
  const auto bytes = ktx2_of(png_of(some_image(100, 40)), {{"max_size", std::int64_t{32}}, {"mips", false}});
  const auto what = read_ktx2(bytes).value();
  EXPECT_EQ(what.width, 25u);
  EXPECT_EQ(what.height, 10u);
  EXPECT_EQ(what.levels, 1u);
  EXPECT_EQ(read_ktx2(ktx2_of(png_of(some_image(1, 1))))->levels, 1u);
}

TEST(texture, jpeg_and_tga_are_known_by_what_they_are) {
  const auto image = some_image(16, 16);
  EXPECT_EQ(read_ktx2(ktx2_of(test::jpeg_of(image, TJSAMP_444)))->width, 16u);
  byte_vector tga(18 + 12);
  tga[2] = std::byte{2}, tga[12] = std::byte{2}, tga[14] = std::byte{2}, tga[16] = std::byte{24};
  EXPECT_EQ(read_ktx2(ktx2_of(tga))->width, 2u);
  EXPECT_EQ(code_of(texture_of(as_bytes("no image"))), errc::invalid_argument);
}

TEST(texture, is_the_same_bytes_every_time_and_on_every_instruction_set) {
  const auto png = png_of(some_image(61, 35, true));
  for (const auto* quality : {"normal", "high"})
    for (const auto* name : {"a.png", "a_n.png", "a_mask.png"}) {
      const auto expected = ktx2_of(png, {{"quality", text(quality)}}, name);
      for (const auto target : simd_targets()) {
        ASSERT_TRUE(force_simd_target(target));
        EXPECT_EQ(ktx2_of(png, {{"quality", text(quality)}}, name), expected) << target;
      }
      release_simd_target();
    }
}

TEST(texture, is_the_same_with_any_number_of_threads) {
  const auto image = png_of(some_image(517, 391, true));
  for (const auto& given : {given_options{{"format", text("bc1")}},
                            {{"format", text("bc3")}, {"alpha_coverage", 0.5}},
                            {{"format", text("bc5")}, {"mip_filter", text("box")}},
                            {{"format", text("rgba8")}}}) {
    const auto one = texture_of(image, given, "img/a.png", {}, 1);
    for (const std::size_t threads : {2, 3, 7}) {
      const auto made = texture_of(image, given, "img/a.png", {}, threads);
      ASSERT_TRUE(one && made);
      EXPECT_TRUE(made->assets.at(0).parts == one->assets.at(0).parts) << threads;
    }
  }
}

TEST(texture, options_are_named_in_order_and_each_has_a_help) {
  const auto& options = texture_description().options;
  EXPECT_TRUE(std::ranges::is_sorted(options, {}, &option_spec::name));
  for (const auto& option : options) EXPECT_FALSE(option.help.empty()) << option.name;
}

}  // namespace
}  // namespace graphite
