#include "transforms/preview.hpp"

#include <gtest/gtest.h>

#include "tests/support/plain_buffers.hpp"
#include "tests/transforms/texture_support.hpp"
#include "transforms/audio.hpp"
#include "transforms/image_decode.hpp"
#include "transforms/image_scale.hpp"
#include "transforms/mesh.hpp"
#include "transforms/png_encode.hpp"
#include "transforms/registry.hpp"

namespace graphite {
namespace {

using test::memory_files;
using test::path_of;
using test::rgba;

result<transform_output> preview_of(byte_span bytes, const test::given_options& given = {}) {
  const auto path = path_of("asset");
  const auto options = option_values::make(preview_description().options, given).value();
  memory_files files;
  serial_calls threads;
  plain_buffers memory;
  return run_preview({path, bytes, options, {}, files, threads, memory});
}

struct shown {
  preview_about about;
  rgba_image image;
};

/// Empty, and a failure, where there is none.
shown shown_of(byte_span bytes, const test::given_options& given = {}) {
  const auto made = preview_of(bytes, given);
  EXPECT_TRUE(made) << made.error().context;
  if (!made) return {};
  EXPECT_EQ(made->assets.at(0).path.str(), "picture.png");
  const auto image = decode_image(made->assets[0].parts.at(0), 1 << 30);
  EXPECT_TRUE(image) << image.error().context;
  const auto about = decode_preview_about(as_text(made->assets.at(1).parts.at(0)));
  EXPECT_TRUE(about);
  if (!image || !about) return {};
  EXPECT_EQ(about->width, image->width);
  EXPECT_EQ(about->height, image->height);
  return {*about, *image};
}

rgba pixel_of(const rgba_image& image, std::uint32_t x, std::uint32_t y) {
  const auto* at = image.row(y) + std::size_t{4} * x;
  return {at[0], at[1], at[2], at[3]};
}

/// The left half of one colour, the right of another.
byte_vector two_colours(rgba left, rgba right) {
  return test::png_of(
      test::image_of(32, 16, [&](std::uint32_t x, std::uint32_t) { return x < 16 ? left : right; }));
}

const rgba red{255, 0, 0, 255}, blue{0, 0, 255, 255};

byte_vector made_by(transform_function function, const transform_description& what, std::string_view name,
                    std::string_view bytes, const test::given_options& given = {}) {
  const auto path = path_of(name);
  const auto options = option_values::make(what.options, given).value();
  const std::vector<output_name> outputs{expand_output(std::string(what.outputs.at(0)), path).value()};
  memory_files files;
  serial_calls threads;
  plain_buffers memory;
  const auto made = function({path, as_bytes(bytes), options, outputs, files, threads, memory});
  EXPECT_TRUE(made) << made.error().context;
  byte_vector out;
  if (made)
    for (const auto& part : made->assets.at(0).parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

/// A hilly square of 24 by 24 quads.
std::string hills() {
  std::string out;
  for (int y = 0; y <= 24; ++y)
    for (int x = 0; x <= 24; ++x) out += fmt::format("v {} {} {}\n", x, (x * y) % 5 * 0.3, y);
  for (int y = 0; y < 24; ++y)
    for (int x = 0; x < 24; ++x)
      out += fmt::format("f {} {} {} {}\n", y * 25 + x + 1, y * 25 + x + 26, y * 25 + x + 27, y * 25 + x + 2);
  return out;
}

/// 16-bit mono, half a second of silence and half a second of a loud square wave.
std::string wav() {
  std::string samples;
  for (int i = 0; i < 48'000; ++i) {
    const std::int16_t value = i < 24'000 ? 0 : (i / 10 % 2 == 0 ? 16'000 : -16'000);
    samples.append(reinterpret_cast<const char*>(&value), 2);
  }
  const auto u32 = [](std::uint32_t value) { return std::string(reinterpret_cast<const char*>(&value), 4); };
  return "RIFF" + u32(36 + 96'000) + "WAVEfmt " + u32(16) + u32(0x0001'0001) + u32(48'000) + u32(96'000) +
         u32(0x0010'0002) + "data" + u32(96'000) + samples;
}

std::size_t opaque_pixels(const rgba_image& image) {
  std::size_t out = 0;
  for (std::size_t i = 3; i < image.pixels.size(); i += 4) out += image.pixels[i] == 255;
  return out;
}

TEST(preview, shows_each_mip_level_of_a_texture) {
  const auto ktx = test::ktx2_of(two_colours(red, blue), {{"format", std::string("rgba8")}});
  const auto whole = shown_of(ktx);
  EXPECT_EQ(whole.about, (preview_about{preview_kind::texture, 32, 16, 6}));
  EXPECT_EQ(pixel_of(whole.image, 3, 15), red);
  EXPECT_EQ(pixel_of(whole.image, 28, 0), blue);
  const auto small = shown_of(ktx, {{"level", std::int64_t{2}}});
  EXPECT_EQ(small.about, (preview_about{preview_kind::texture, 8, 4, 6}));
  EXPECT_EQ(pixel_of(small.image, 0, 3), red);
}

TEST(preview, shows_block_compressed_textures) {
  const auto picture = shown_of(test::ktx2_of(two_colours(red, blue), {{"format", std::string("bc1")}}));
  EXPECT_EQ(pixel_of(picture.image, 3, 15), red);
  EXPECT_EQ(pixel_of(picture.image, 28, 0), blue);
}

TEST(preview, the_faces_of_a_cube_stand_side_by_side) {
  memory_files files;
  byte_vector first;
  unsigned shade = 40;
  for (const auto* name : {"px", "nx", "py", "ny", "pz", "nz"}) {
    auto face = test::png_of(test::image_of(8, 8, [&](std::uint32_t, std::uint32_t) {
      return rgba{shade, shade, shade, 255};
    }));
    if (first.empty()) first = face;
    files.files[fmt::format("sky_{}.png", name)] = std::move(face);
    shade += 30;
  }
  const auto ktx = test::ktx2_of(
      first,
      {{"layout", std::string("cube")}, {"format", std::string("rgba8")}, {"usage", std::string("data")}},
      "sky_px.png", files);
  const auto picture = shown_of(ktx);
  EXPECT_EQ(picture.about, (preview_about{preview_kind::texture, 48, 8, 4}));
  EXPECT_EQ(pixel_of(picture.image, 1, 1)[0], 40u);
  EXPECT_EQ(pixel_of(picture.image, 9, 7)[0], 70u);
  EXPECT_EQ(pixel_of(picture.image, 47, 7)[0], 190u);
}

TEST(preview, brings_a_texture_to_the_size_that_is_asked_for) {
  const auto ktx = test::ktx2_of(two_colours(red, blue), {{"format", std::string("rgba8")}});
  const test::given_options size{{"width", std::int64_t{64}}, {"height", std::int64_t{8}}};
  const auto picture = shown_of(ktx, size);
  EXPECT_EQ(picture.about, (preview_about{preview_kind::texture, 64, 8, 6}));
  EXPECT_EQ(pixel_of(picture.image, 31, 7), red);
  EXPECT_EQ(pixel_of(picture.image, 32, 0), blue);
}

TEST(preview, shows_images_that_are_copied) {
  const auto picture = shown_of(two_colours(red, blue));
  EXPECT_EQ(picture.about, (preview_about{preview_kind::texture, 32, 16, 1}));
  EXPECT_EQ(pixel_of(picture.image, 20, 8), blue);
}

TEST(preview, shows_levels_of_detail_of_a_mesh) {
  const auto mesh = made_by(run_mesh, mesh_description(), "hills.obj", hills(),
                            {{"lods", std::int64_t{2}}, {"lod_error", 0.5}});
  const auto fine = shown_of(mesh);
  EXPECT_EQ(fine.about, (preview_about{preview_kind::mesh, 512, 512, 3}));
  EXPECT_GT(opaque_pixels(fine.image), 512u * 512 / 8);
  EXPECT_EQ(pixel_of(fine.image, 0, 0)[3], 0u);
  const auto coarse = shown_of(
      mesh, {{"level", std::int64_t{2}}, {"width", std::int64_t{512}}, {"height", std::int64_t{512}}});
  EXPECT_NE(coarse.image.pixels, fine.image.pixels);
}

TEST(preview, shows_the_waveform_of_a_sound) {
  const auto source = wav();
  const auto opus = made_by(run_audio, audio_description(), "beep.wav", source);
  for (const auto sound : {byte_span(opus), as_bytes(source)}) {
    const auto picture = shown_of(sound);
    EXPECT_EQ(picture.about, (preview_about{preview_kind::sound, 1024, 256, 1}));
    EXPECT_EQ(pixel_of(picture.image, 200, 80)[3], 0u) << "silence is a line";
    EXPECT_EQ(pixel_of(picture.image, 800, 80)[3], 255u);
    EXPECT_EQ(pixel_of(picture.image, 800, 5)[3], 0u);
  }
}

TEST(preview, says_which_levels_there_are) {
  const auto ktx = test::ktx2_of(two_colours(red, blue));
  const auto made = preview_of(ktx, {{"level", std::int64_t{6}}});
  ASSERT_EQ(test::code_of(made), errc::invalid_argument);
  EXPECT_NE(made.error().context.find("0 to 5"), std::string::npos) << made.error().context;
  const auto sound = wav();
  EXPECT_EQ(test::code_of(preview_of(as_bytes(sound), {{"level", std::int64_t{1}}})), errc::invalid_argument);
  EXPECT_EQ(test::code_of(preview_of(two_colours(red, blue), {{"level", std::int64_t{1}}})),
            errc::invalid_argument);
}

TEST(preview, says_what_can_be_shown) {
  for (const auto text : {"", "{\"a\":1}", "KTX 20", "\x89"}) {
    const auto made = preview_of(as_bytes(std::string_view(text)));
    ASSERT_EQ(test::code_of(made), errc::unsupported) << text;
    EXPECT_NE(made.error().context.find("KTX2"), std::string::npos);
    EXPECT_NE(made.error().context.find("Opus"), std::string::npos);
  }
}

TEST(preview, a_cut_off_asset_is_refused) {
  const auto mesh = made_by(run_mesh, mesh_description(), "hills.obj", hills());
  const auto ktx = test::ktx2_of(two_colours(red, blue));
  for (const auto& whole : {mesh, ktx}) {
    byte_vector cut = whole;
    for (const auto size : {std::size_t{12}, whole.size() / 2, whole.size() - 1}) {
      cut.resize(size);
      EXPECT_EQ(test::code_of(preview_of(cut)), errc::corrupt) << size;
      cut = whole;
    }
  }
  EXPECT_FALSE(preview_of(as_bytes(std::string_view("OggS and nothing more"))));
}

TEST(preview, a_width_alone_is_refused) {
  EXPECT_EQ(test::code_of(preview_of(two_colours(red, blue), {{"width", std::int64_t{5}}})),
            errc::invalid_argument);
}

TEST(preview, no_rule_can_name_it) {
  EXPECT_EQ(find_built_in("preview"), nullptr);
  EXPECT_EQ(built_in_function("preview"), nullptr);
}

TEST(preview, what_it_says_of_a_picture_is_checked) {
  const preview_about about{preview_kind::sound, 4096, 1, 7};
  const auto bytes = encode(about);
  EXPECT_EQ(decode_preview_about(bytes).value(), about);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_preview_about(bytes.substr(0, size))) << size;
  EXPECT_FALSE(decode_preview_about(bytes + "x"));
  EXPECT_FALSE(decode_preview_about("\x03\x01\x01\x01"));
}

TEST(scaled_image, transparent_pixels_lend_no_colour) {
  const auto image = test::image_of(2, 1, [](std::uint32_t x, std::uint32_t) {
    return x == 0 ? rgba{200, 100, 50, 255} : rgba{0, 255, 0, 0};
  });
  EXPECT_EQ(pixel_of(scaled_image(image, 1, 1), 0, 0), (rgba{200, 100, 50, 128}));
}

TEST(encode_png, keeps_every_pixel) {
  const auto image = test::some_image(37, 5, true);
  const auto png = encode_png(image);
  ASSERT_TRUE(png);
  EXPECT_EQ(decode_image(*png, 1 << 20)->pixels, image.pixels);
}

}  // namespace
}  // namespace graphite
