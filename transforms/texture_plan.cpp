#include "transforms/texture_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace graphite {

namespace {

constexpr std::array<std::string_view, 6> normal_endings{"_n",    "_nrm",    "_nor",
                                                         "_norm", "_normal", "_normals"};
constexpr std::array<std::string_view, 20> data_endings{
    "_ao",   "_arm",   "_bump",  "_disp",      "_displacement", "_gloss", "_height",
    "_mask", "_masks", "_metal", "_metallic",  "_metalness",    "_mr",    "_occlusion",
    "_orm",  "_rma",   "_rough", "_roughness", "_smoothness",   "_data"};
constexpr std::array<std::string_view, 6> cube_endings{"_px", "_nx", "_py", "_ny", "_pz", "_nz"};

template <std::size_t Count>
bool ends_in_one_of(std::string_view text, const std::array<std::string_view, Count>& endings) {
  return std::ranges::any_of(endings, [&](std::string_view one) { return text.ends_with(one); });
}

texel_meaning meaning_from(const option_values& options, const logical_path& path) {
  const auto& usage = options.text("usage");
  if (usage == "color") return texel_meaning::colour;
  if (usage == "data") return texel_meaning::data;
  if (usage == "normal") return texel_meaning::normal;
  auto stem = path.stem();
  if (options.text("layout") == "cube" && ends_in_one_of(stem, cube_endings)) stem.remove_suffix(3);
  return meaning_of_name(stem);
}

texel_format format_from(const std::string& name, texel_meaning meaning, const texture_traits& traits) {
  if (name == "bc1") return texel_format::bc1;
  if (name == "bc3") return texel_format::bc3;
  if (name == "bc4") return texel_format::bc4;
  if (name == "bc5") return texel_format::bc5;
  if (name == "rgba8") return texel_format::rgba8;
  if (meaning == texel_meaning::normal) return texel_format::bc5;
  if (!traits.opaque) return texel_format::bc3;
  // Grey colour is sRGB, which bc4 has no form of.
  return meaning == texel_meaning::data && traits.grey ? texel_format::bc4 : texel_format::bc1;
}

}  // namespace

texel_meaning meaning_of_name(std::string_view stem) {
  std::string lower(stem);
  for (auto& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (ends_in_one_of(lower, normal_endings)) return texel_meaning::normal;
  return ends_in_one_of(lower, data_endings) ? texel_meaning::data : texel_meaning::colour;
}

texture_traits traits_of(const std::vector<rgba_image>& images) {
  texture_traits out;
  for (const auto& image : images)
    for (std::size_t i = 0; i < image.pixels.size() && (out.opaque || out.grey); i += 4) {
      const auto* pixel = image.pixels.data() + i;
      out.opaque = out.opaque && pixel[3] == 255;
      out.grey = out.grey && pixel[0] == pixel[1] && pixel[0] == pixel[2];
    }
  return out;
}

result<texture_plan> plan_texture(const option_values& options, const logical_path& path,
                                  const texture_traits& traits) {
  texture_plan out;
  auto meaning = meaning_from(options, path);
  out.format = format_from(options.text("format"), meaning, traits);
  const bool linear_only = out.format == texel_format::bc4 || out.format == texel_format::bc5;
  if (linear_only && meaning == texel_meaning::colour) {
    if (options.text("usage") == "color")
      return fail(errc::invalid_argument,
                  fmt::format("usage color is sRGB, which format {} has no form of", options.text("format")));
    meaning = texel_meaning::data;
  }
  out.srgb = meaning == texel_meaning::colour;
  out.mips.meaning = meaning;
  out.mips.alpha = !traits.opaque && (out.format == texel_format::bc3 || out.format == texel_format::rgba8);
  out.mips.filter = options.text("mip_filter") == "box" ? mip_filter::box : mip_filter::kaiser;
  out.mips.alpha_coverage = options.number("alpha_coverage");
  out.mips.mips = options.flag("mips");
  out.mips.side_max = static_cast<std::uint32_t>(options.integer("max_size"));
  const auto& quality = options.text("quality");
  out.quality = quality == "fast"   ? block_quality::fast
                : quality == "high" ? block_quality::high
                                    : block_quality::normal;
  return out;
}

result<std::vector<logical_path>> further_images(const option_values& options, const logical_path& path) {
  const auto& layout = options.text("layout");
  auto names = options.texts("layers");
  if (layout == "2d" && !names.empty())
    return fail(errc::invalid_argument, "layers are for layout cube and array");
  if (names.size() + 1 > texture_images_max)
    return fail(errc::too_large, fmt::format("{} layers: at most {}", names.size() + 1, texture_images_max));
  if (layout == "cube" && names.empty()) {
    if (!path.stem().ends_with(cube_endings[0]))
      return fail(errc::invalid_argument, "a cube without layers begins with a file whose name ends in _px");
    const auto name = path.stem().substr(0, path.stem().size() - 3);
    for (std::size_t face = 1; face < cube_endings.size(); ++face)
      names.push_back(fmt::format("{}{}{}", name, cube_endings[face], path.extension()));
  }
  if (layout == "cube" && names.size() != 5)
    return fail(errc::invalid_argument,
                fmt::format("a cube has 5 layers beside its first image, not {}", names.size()));
  std::vector<logical_path> out;
  for (const auto& name : names) {
    GRAPHITE_TRY(auto one, path.resolve(name));
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace graphite
