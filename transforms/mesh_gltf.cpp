#include "transforms/mesh_gltf.hpp"

#include <cstring>

#include "transforms/mesh_gltf_parts.hpp"
#include "transforms/text_formats.hpp"

namespace graphite {

namespace {

constexpr std::size_t json_depth_max = 128;
constexpr std::uint64_t json_bytes_max = 256 * MiB;

std::uint32_t glb_number(byte_span bytes, std::size_t at) {
  std::uint32_t out = 0;
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

struct glb_chunks {
  byte_span json;
  std::optional<byte_span> binary;
};

result<glb_chunks> chunks_of(byte_span bytes) {
  constexpr std::uint32_t glb_magic = 0x4654'6c67, json_chunk = 0x4e4f'534a, binary_chunk = 0x004e'4942;
  if (bytes.size() < 4 || glb_number(bytes, 0) != glb_magic) return glb_chunks{bytes, std::nullopt};
  if (bytes.size() < 12) return fail(errc::corrupt, "GLB: cut off in its header");
  if (glb_number(bytes, 4) != 2)
    return fail(errc::unsupported, "GLB: version " + std::to_string(glb_number(bytes, 4)));
  const std::uint64_t stated = glb_number(bytes, 8);
  if (stated > bytes.size()) return fail(errc::corrupt, "GLB: cut off");
  bytes = bytes.first(stated);
  glb_chunks out;
  for (std::uint64_t at = 12, number = 0; at + 8 <= bytes.size(); ++number) {
    const std::uint64_t size = glb_number(bytes, at);
    const auto kind = glb_number(bytes, at + 4);
    if (size > bytes.size() - at - 8)
      return fail(errc::corrupt, "GLB: chunk " + std::to_string(number) + " is cut off");
    const auto chunk = bytes.subspan(at + 8, size);
    if (number == 0 && kind != json_chunk) return fail(errc::corrupt, "GLB: the first chunk is not JSON");
    if (number == 0) out.json = chunk;
    if (number == 1 && kind == binary_chunk) out.binary = chunk;
    at += 8 + (size + 3) / 4 * 4;
  }
  if (out.json.empty()) return fail(errc::corrupt, "GLB: without a JSON chunk");
  return out;
}

result<void> check_document(const gltf_value& document, mesh_warnings& warnings) {
  GRAPHITE_TRY(const auto asset, document.object("asset"));
  if (!asset.text("version").starts_with("2."))
    return fail(errc::unsupported, "glTF of a version other than 2");
  if (document.has("extensionsRequired")) {
    GRAPHITE_TRY(const auto required, document.list("extensionsRequired"));
    for (const auto one : required) {
      std::string_view name;
      if (one.get(name)) return document.bad("'extensionsRequired' has what is no text");
      if (name != "KHR_mesh_quantization" && name != "KHR_materials_unlit")
        return fail(errc::unsupported,
                    "it requires the extension " + std::string(name.substr(0, 100)) + ", which is not read");
    }
  }
  if (document.has("animations")) warnings.add("animations are left out");
  if (document.has("cameras")) warnings.add("cameras are left out");
  if (!document.has("extensions")) return {};
  GRAPHITE_TRY(const auto extensions, document.object("extensions"));
  if (extensions.has("KHR_lights_punctual")) warnings.add("lights are left out");
  return {};
}

/// simdjson does not say where a mistake is.
tl::unexpected<error> bad_json(std::string_view json, std::string_view what) {
  const auto checked = minified_json(json);
  return fail(errc::corrupt, "JSON: " + (checked ? std::string(what) : checked.error().context));
}

}  // namespace

std::string gltf_name(const gltf_value& from) {
  auto name = from.text("name").substr(0, mesh_name_bytes_max);
  while (!name.empty() && !is_utf8(name)) name.remove_suffix(1);
  return std::string(name);
}

result<source_scene> read_gltf(const logical_path& path, byte_span bytes, transform_files& files,
                               decode_budget& budget, mesh_warnings& warnings) {
  GRAPHITE_TRY(auto chunks, chunks_of(bytes));
  auto json = as_text(chunks.json);
  if (json.starts_with("\xef\xbb\xbf")) json.remove_prefix(3);
  while (!json.empty() && json.back() == '\0') json.remove_suffix(1);  // some pad GLB with it
  if (json.size() > json_bytes_max) return fail(errc::too_large, "over 256 MiB of JSON");
  simdjson::dom::parser parser(json_bytes_max);
  if (parser.allocate(json.size() + 1, json_depth_max)) return fail(errc::too_large, "too much JSON");
  simdjson::dom::element root;
  if (const auto failed = parser.parse(json.data(), json.size(), true).get(root))
    return bad_json(json, simdjson::error_message(failed));
  if (!root.is_object()) return fail(errc::corrupt, "JSON: no object");
  const gltf_value document{root, ""};
  GRAPHITE_CHECK(check_document(document, warnings));
  gltf_data data(path, files, budget);
  GRAPHITE_CHECK(data.read(document, chunks.binary));
  source_scene scene;
  GRAPHITE_CHECK(read_gltf_materials(document, path, scene, warnings));
  GRAPHITE_CHECK(read_gltf_meshes(document, data, budget, scene, warnings));
  GRAPHITE_CHECK(read_gltf_nodes(document, data, scene, warnings));
  return scene;
}

}  // namespace graphite
