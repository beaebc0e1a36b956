#include "transforms/texture.hpp"

#include <fmt/format.h>

#include "transforms/image_decode.hpp"
#include "transforms/texture_plan.hpp"

namespace graphite {

namespace {

/// The main image and those beside it, all of one size. All together are within decoded_bytes_max.
result<std::vector<rgba_image>> decode_all(const transform_input& in) {
  GRAPHITE_TRY(const auto others, further_images(in.options, in.path));
  std::vector<rgba_image> out;
  GRAPHITE_TRY(auto first, decode_image(in.bytes, decoded_bytes_max));
  auto left = decoded_bytes_max - first.pixels.size();
  out.push_back(std::move(first));
  for (const auto& path : others) {
    GRAPHITE_TRY(const auto bytes, in.files.read(path));
    auto image = decode_image(bytes, left);
    if (!image) return fail(image.error().code, fmt::format("{}:1: {}", path.str(), image.error().context));
    if (image->width != out[0].width || image->height != out[0].height)
      return fail(errc::invalid_argument,
                  fmt::format("{}:1: {} × {} pixels, but the first image has {} × {}", path.str(),
                              image->width, image->height, out[0].width, out[0].height));
    left -= image->pixels.size();
    out.push_back(std::move(*image));
  }
  return out;
}

}  // namespace

result<transform_output> run_texture(const transform_input& in) {
  if (in.outputs.size() != 1 || in.outputs[0].wildcard)
    return fail(errc::invalid_argument, "a texture has one output");
  GRAPHITE_TRY(auto path, logical_path::parse(in.outputs[0].text));
  GRAPHITE_TRY(auto images, decode_all(in));
  GRAPHITE_TRY(const auto plan, plan_texture(in.options, in.path, traits_of(images)));

  const auto skipped = levels_skipped(images[0].width, images[0].height, plan.mips);
  ktx2_description what;
  what.format = plan.format;
  what.srgb = plan.srgb;
  what.width = side_at(images[0].width, skipped);
  what.height = side_at(images[0].height, skipped);
  what.levels = plan.mips.mips ? level_count_of(what.width, what.height) : 1;
  const auto& layout = in.options.text("layout");
  what.faces = layout == "cube" ? 6 : 1;
  what.layers = layout == "array" ? static_cast<std::uint32_t>(images.size()) : 0;

  // Layers and faces follow one another within a level.
  std::vector<byte_vector> levels(what.levels);
  for (auto& image : images) {
    std::size_t level = 0;
    make_levels(image, plan.mips, in.threads, in.memory, [&](const rgba_image& pixels) {
      compress_blocks(pixels, plan.format, plan.quality, in.threads, levels[level++]);
    });
    image = {};
  }
  std::vector<std::uint64_t> sizes;
  for (const auto& level : levels) sizes.push_back(level.size());
  made_asset asset{std::move(path), {}};
  asset.parts.push_back(ktx2_head(what, sizes));
  for (auto level = levels.size(); level-- > 0;) asset.parts.push_back(std::move(levels[level]));
  transform_output out;
  out.assets.push_back(std::move(asset));
  return out;
}

}  // namespace graphite
