#include "transforms/preview.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "transforms/audio_reader.hpp"
#include "transforms/image_decode.hpp"
#include "transforms/image_scale.hpp"
#include "transforms/ktx2_reader.hpp"
#include "transforms/mesh_file.hpp"
#include "transforms/mesh_picture.hpp"
#include "transforms/png_encode.hpp"
#include "transforms/waveform.hpp"

namespace graphite {

namespace {

using namespace std::string_view_literals;

/// Of what has no size of its own.
constexpr std::uint32_t mesh_preview_side = 512;
constexpr waveform_size sound_preview_size{1024, 256};
static_assert(preview_side_max <= mesh_picture_side_max && preview_side_max <= waveform_side_max);

struct preview_size {
  std::uint32_t width = 0, height = 0;
};

struct preview_wish {
  std::uint32_t level = 0;
  std::optional<preview_size> size;
};

struct drawn_asset {
  preview_about about;  ///< without the size
  rgba_image image;
};

result<preview_wish> wish_of(const option_values& options) {
  const auto number = [&](std::string_view name) {
    return static_cast<std::uint32_t>(options.integer(name));
  };
  preview_wish out{number("level"), {}};
  const preview_size size{number("width"), number("height")};
  if ((size.width == 0) != (size.height == 0))
    return fail(errc::invalid_argument, "a picture has a width and a height, or neither is said");
  if (size.width != 0) out.size = size;
  return out;
}

bool starts_with(byte_span bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && as_text(bytes.first(magic.size())) == magic;
}

result<void> check_level(std::uint32_t level, std::uint32_t levels) {
  if (level < levels) return {};
  return fail(errc::invalid_argument,
              levels == 1 ? fmt::format("there is no level {}: it has only level 0", level)
                          : fmt::format("there is no level {}: it has levels 0 to {}", level, levels - 1));
}

/// The images of a level of a cube or array stand side by side, as many as a picture can have.
result<drawn_asset> draw_texture(byte_span bytes, const preview_wish& wish) {
  GRAPHITE_TRY(const auto what, read_ktx2(bytes));
  GRAPHITE_CHECK(check_level(wish.level, what.levels));
  const auto width = side_at(what.width, wish.level), height = side_at(what.height, wish.level);
  const auto images = std::min(std::max(what.layers, 1u) * what.faces,
                               std::max(1u, static_cast<std::uint32_t>(preview_side_max) / width));
  GRAPHITE_TRY(auto out, ktx2_pixels(bytes, wish.level, 0, decoded_bytes_max));
  if (images > 1) {
    GRAPHITE_TRY(auto all, blank_image(std::uint64_t{width} * images, height, decoded_bytes_max));
    for (std::uint32_t image = 0; image < images; ++image) {
      GRAPHITE_TRY(const auto one, ktx2_pixels(bytes, wish.level, image, decoded_bytes_max));
      for (std::uint32_t y = 0; y < height; ++y)
        std::memcpy(all.row(y) + std::size_t{4} * width * image, one.row(y), std::size_t{4} * width);
    }
    out = std::move(all);
  }
  return drawn_asset{{preview_kind::texture, 0, 0, what.levels}, std::move(out)};
}

result<drawn_asset> draw_copied_image(byte_span bytes, const preview_wish& wish) {
  GRAPHITE_CHECK(check_level(wish.level, 1));
  GRAPHITE_TRY(auto out, decode_image(bytes, decoded_bytes_max));
  return drawn_asset{{preview_kind::texture, 0, 0, 1}, std::move(out)};
}

rgba_image image_of_pixels(preview_size size, const byte_vector& pixels) {
  rgba_image out{size.width, size.height, std::vector<std::uint8_t>(pixels.size())};
  if (!pixels.empty()) std::memcpy(out.pixels.data(), pixels.data(), pixels.size());
  return out;
}

result<drawn_asset> draw_mesh_file(byte_span bytes, const preview_wish& wish) {
  GRAPHITE_TRY(const auto file, open_mesh_file(bytes));
  const auto levels = static_cast<std::uint32_t>(file.levels.size());
  GRAPHITE_CHECK(check_level(wish.level, levels));
  const auto size = wish.size.value_or(preview_size{mesh_preview_side, mesh_preview_side});
  const auto pixels = draw_mesh(file, size.width, size.height, wish.level);
  return drawn_asset{{preview_kind::mesh, 0, 0, levels}, image_of_pixels(size, pixels)};
}

/// The mean of the channels.
result<std::vector<float>> samples_of(audio_reader& reader) {
  const auto channels = static_cast<std::size_t>(reader.channels());
  std::vector<float> block(4096 * channels), out;
  while (true) {
    GRAPHITE_TRY(const auto count, reader.read(block));
    if (count == 0) return out;
    for (std::size_t at = 0; at + channels <= count; at += channels) {
      float sum = 0;
      for (std::size_t i = 0; i < channels; ++i) sum += block[at + i];
      out.push_back(sum / static_cast<float>(channels));
    }
  }
}

result<drawn_asset> draw_sound(byte_span bytes, const preview_wish& wish) {
  GRAPHITE_CHECK(check_level(wish.level, 1));
  GRAPHITE_TRY(auto reader, audio_reader::open(bytes, true));
  GRAPHITE_TRY(const auto samples, samples_of(reader));
  const auto size = wish.size.value_or(preview_size{sound_preview_size.width, sound_preview_size.height});
  GRAPHITE_TRY(const auto pixels, draw_waveform(samples, 1, {size.width, size.height}));
  return drawn_asset{{preview_kind::sound, 0, 0, 1}, image_of_pixels(size, pixels)};
}

/// By what the bytes are, never by a name.
result<drawn_asset> draw_asset(byte_span bytes, const preview_wish& wish) {
  if (starts_with(bytes, "\xabKTX 20\xbb\r\n\x1a\n"sv)) return draw_texture(bytes, wish);
  if (starts_with(bytes, "GMSH")) return draw_mesh_file(bytes, wish);
  if (starts_with(bytes, "\x89PNG") || starts_with(bytes, "\xff\xd8\xff"))
    return draw_copied_image(bytes, wish);
  for (const auto magic : {"OggS"sv, "RIFF"sv, "RF64"sv, "FORM"sv, "fLaC"sv})
    if (starts_with(bytes, magic)) return draw_sound(bytes, wish);
  return fail(
      errc::unsupported,
      "it has no picture: what can be shown are textures (KTX2 of the transform 'texture', PNG, JPEG), "
      "meshes (of the transform 'mesh') and sound (Ogg Opus, Ogg Vorbis, WAV, AIFF, FLAC)");
}

/// `name` is a path.
made_asset asset_named(const char* name, byte_vector bytes) {
  auto path = logical_path::parse(name);
  GRAPHITE_INVARIANT(path);
  made_asset out{std::move(*path), {}};
  out.parts.push_back(std::move(bytes));
  return out;
}

}  // namespace

result<transform_output> run_preview(const transform_input& in) {
  GRAPHITE_TRY(const auto wish, wish_of(in.options));
  GRAPHITE_TRY(auto drawn, draw_asset(in.bytes, wish));
  if (wish.size && (wish.size->width != drawn.image.width || wish.size->height != drawn.image.height))
    drawn.image = scaled_image(drawn.image, wish.size->width, wish.size->height);
  drawn.about.width = drawn.image.width;
  drawn.about.height = drawn.image.height;
  GRAPHITE_TRY(auto png, encode_png(drawn.image));
  const auto about = encode(drawn.about);
  const auto about_bytes = as_bytes(std::string_view(about));
  transform_output out;
  out.assets.push_back(asset_named("picture.png", std::move(png)));
  out.assets.push_back(asset_named("about", byte_vector(about_bytes.begin(), about_bytes.end())));
  return out;
}

}  // namespace graphite
