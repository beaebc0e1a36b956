#include "transforms/mesh_gltf_parts.hpp"

namespace graphite {

namespace {

/// Reads the textures and images of a document once.
class gltf_texture_list {
 public:
  result<void> read(const gltf_value& document, const logical_path& path, mesh_warnings& warnings) {
    std::vector<std::string> images;
    if (document.has("images")) {
      GRAPHITE_TRY(const auto list, document.list("images"));
      for (const auto element : list) {
        const gltf_value image{element, "image " + std::to_string(images.size())};
        if (images.size() == mesh_materials_max) return fail(errc::too_large, "too many images");
        GRAPHITE_TRY(images.emplace_back(), path_of(image, path, warnings));
      }
    }
    if (!document.has("textures")) return {};
    GRAPHITE_TRY(const auto list, document.list("textures"));
    for (const auto element : list) {
      const gltf_value texture{element, "texture " + std::to_string(paths_.size())};
      if (paths_.size() == mesh_materials_max) return fail(errc::too_large, "too many textures");
      GRAPHITE_TRY(const auto image, texture.index("source", images.size()));
      paths_.push_back(image == mesh_none ? std::string() : images[image]);
      if (image == mesh_none) warnings.add("textures whose image only an extension names are left out");
    }
    return {};
  }

  /// Adds the texture that `key` of `from` names.
  result<void> add(const gltf_value& from, std::string_view key, mesh_texture_use use,
                   source_material& to) const {
    if (!from.has(key)) return {};
    GRAPHITE_TRY(const auto info, from.object(key));
    GRAPHITE_TRY(const auto number, info.index("index", paths_.size()));
    GRAPHITE_TRY(const auto uv, info.whole("texCoord", 0, 255));
    if (number != mesh_none && !paths_[number].empty())
      to.textures.push_back({use, static_cast<std::uint32_t>(uv), paths_[number]});
    return {};
  }

 private:
  static result<std::string> path_of(const gltf_value& image, const logical_path& path,
                                     mesh_warnings& warnings) {
    const auto uri = image.text("uri");
    if (uri.empty() || uri.starts_with("data:")) {
      warnings.add("images inside the file are left out: put them beside it");
      return std::string();
    }
    const auto meant = path.resolve(percent_decoded_uri(uri));
    if (meant) return meant->str();
    warnings.add(image.what + ": " + meant.error().context + ": left out");
    return std::string();
  }

  std::vector<std::string> paths_;
};

result<source_material> read_material(const gltf_value& from, const gltf_texture_list& textures) {
  source_material out;
  out.name = gltf_name(from);
  if (from.has("pbrMetallicRoughness")) {
    GRAPHITE_TRY(const auto pbr, from.object("pbrMetallicRoughness"));
    GRAPHITE_CHECK(pbr.numbers("baseColorFactor", out.base_colour));
    GRAPHITE_CHECK(pbr.number("metallicFactor", out.metallic));
    GRAPHITE_CHECK(pbr.number("roughnessFactor", out.roughness));
    GRAPHITE_CHECK(textures.add(pbr, "baseColorTexture", mesh_texture_use::base_colour, out));
    GRAPHITE_CHECK(textures.add(pbr, "metallicRoughnessTexture", mesh_texture_use::metallic_roughness, out));
  }
  GRAPHITE_CHECK(textures.add(from, "normalTexture", mesh_texture_use::normal, out));
  GRAPHITE_CHECK(textures.add(from, "occlusionTexture", mesh_texture_use::occlusion, out));
  GRAPHITE_CHECK(textures.add(from, "emissiveTexture", mesh_texture_use::emissive, out));
  GRAPHITE_CHECK(from.numbers("emissiveFactor", out.emissive));
  GRAPHITE_CHECK(from.number("alphaCutoff", out.alpha_cutoff));
  const auto alpha = from.text("alphaMode");
  if (alpha == "MASK") out.alpha = mesh_alpha::mask;
  if (alpha == "BLEND") out.alpha = mesh_alpha::blend;
  if (from.flag("doubleSided")) out.flags |= mesh_double_sided;
  if (from.has("extensions")) {
    GRAPHITE_TRY(const auto extensions, from.object("extensions"));
    if (extensions.has("KHR_materials_unlit")) out.flags |= mesh_unlit;
  }
  return out;
}

}  // namespace

result<void> read_gltf_materials(const gltf_value& document, const logical_path& path, source_scene& scene,
                                 mesh_warnings& warnings) {
  gltf_texture_list textures;
  GRAPHITE_CHECK(textures.read(document, path, warnings));
  if (!document.has("materials")) return {};
  GRAPHITE_TRY(const auto list, document.list("materials"));
  for (const auto element : list) {
    const gltf_value from{element, "material " + std::to_string(scene.materials.size())};
    if (scene.materials.size() == mesh_materials_max) return fail(errc::too_large, "too many materials");
    GRAPHITE_TRY(auto made, read_material(from, textures));
    scene.materials.push_back(std::move(made));
  }
  return {};
}

}  // namespace graphite
