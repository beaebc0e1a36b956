#include <algorithm>
#include <numeric>

#include "transforms/mesh_gltf_parts.hpp"

namespace graphite {

namespace {

class gltf_mesh_reader {
 public:
  gltf_mesh_reader(gltf_data& data, decode_budget& budget, source_scene& scene, mesh_warnings& warnings)
      : data_(data), budget_(budget), scene_(scene), warnings_(warnings) {}

  result<void> mesh(const gltf_value& from) {
    auto& out = scene_.meshes.emplace_back();
    out.name = gltf_name(from);
    GRAPHITE_TRY(const auto list, from.list("primitives"));
    std::uint64_t number = 0;
    for (const auto element : list) {
      const gltf_value one{element, from.what + ": primitive " + std::to_string(number++)};
      if (++primitives_ > mesh_primitives_max) return fail(errc::too_large, "too many primitives");
      GRAPHITE_TRY(const auto mode, one.whole("mode", 4, 6));
      if (mode < 4) {
        warnings_.add("points and lines are left out");
        continue;
      }
      source_primitive made;
      GRAPHITE_CHECK(read(one, mode, made));
      if (!made.indices.empty()) out.primitives.push_back(std::move(made));
    }
    return {};
  }

 private:
  /// Of one primitive; vertices that many primitives share are decoded only where its triangles lie.
  struct vertices {
    std::uint64_t all = 0;  ///< that its accessors have
    value_range used;
  };

  result<void> read(const gltf_value& primitive, std::uint64_t mode, source_primitive& out) {
    GRAPHITE_TRY(out.material, primitive.index("material", scene_.materials.size()));
    if (primitive.has("targets")) warnings_.add("morph targets are left out");
    GRAPHITE_TRY(const auto from, primitive.object("attributes"));
    GRAPHITE_TRY(const auto position, from.index("POSITION", data_.accessors()));
    if (position == mesh_none) return from.bad("no POSITION");
    vertices of{data_.count(position), {}};
    GRAPHITE_CHECK(triangles(primitive, mode, of.all, out.indices));
    if (out.indices.empty()) return {};
    const auto [least, most] = std::ranges::minmax(out.indices);
    of.used = {least, std::uint64_t{most} - least + 1};
    for (auto& index : out.indices) index -= least;
    return attributes(from, position, of, out);
  }

  result<std::uint32_t> attribute(const gltf_value& from, std::string_view key, const vertices& of) {
    GRAPHITE_TRY(const auto number, from.index(key, data_.accessors()));
    if (number != mesh_none && data_.count(number) != of.all)
      return from.bad(std::string(key) + " has " + std::to_string(data_.count(number)) + " values of " +
                      std::to_string(of.all));
    return number;
  }

  result<void> floats(const gltf_value& from, std::string_view key, std::uint32_t components,
                      const vertices& of, std::vector<float>& into) {
    GRAPHITE_TRY(const auto number, attribute(from, key, of));
    if (number == mesh_none) return {};
    GRAPHITE_TRY(into, data_.floats(number, components, of.used));
    return {};
  }

  result<void> attributes(const gltf_value& from, std::uint32_t position, const vertices& of,
                          source_primitive& out) {
    vertices_ += of.used.count;
    if (vertices_ > mesh_vertices_max) return fail(errc::too_large, "too many vertices");
    out.vertex_count = static_cast<std::uint32_t>(of.used.count);
    GRAPHITE_TRY(out.positions, data_.floats(position, 3, of.used));
    GRAPHITE_CHECK(floats(from, "NORMAL", 3, of, out.normals));
    GRAPHITE_CHECK(floats(from, "TANGENT", 4, of, out.tangents));
    GRAPHITE_CHECK(floats(from, "TEXCOORD_0", 2, of, out.uvs[0]));
    GRAPHITE_CHECK(floats(from, "TEXCOORD_1", 2, of, out.uvs[1]));
    if (from.has("TEXCOORD_2") || from.has("COLOR_1") || from.has("JOINTS_1"))
      warnings_.add("attributes beyond TEXCOORD_1, COLOR_0 and JOINTS_0 are left out");
    GRAPHITE_CHECK(colours(from, of, out));
    GRAPHITE_TRY(const auto joints, attribute(from, "JOINTS_0", of));
    if (joints == mesh_none) return {};
    GRAPHITE_TRY(const auto numbers, data_.wholes(joints, 4, 65'536, of.used));
    out.joints.assign(numbers.begin(), numbers.end());
    GRAPHITE_CHECK(floats(from, "WEIGHTS_0", 4, of, out.weights));
    return out.weights.empty() ? from.bad("JOINTS_0 without WEIGHTS_0") : result<void>();
  }

  result<void> colours(const gltf_value& from, const vertices& of, source_primitive& out) {
    GRAPHITE_TRY(const auto number, attribute(from, "COLOR_0", of));
    if (number == mesh_none) return {};
    if (data_.components(number) != 3) return floats(from, "COLOR_0", 4, of, out.colours);
    std::vector<float> rgb;
    GRAPHITE_CHECK(floats(from, "COLOR_0", 3, of, rgb));
    const auto count = of.used.count;
    GRAPHITE_CHECK(budget_.take(count * 16, "COLOR_0"));
    out.colours.resize(count * 4, 1.0f);
    for (std::size_t i = 0; i < count; ++i) std::copy_n(&rgb[i * 3], 3, &out.colours[i * 4]);
    return {};
  }

  result<void> triangles(const gltf_value& primitive, std::uint64_t mode, std::uint64_t vertex_count,
                         std::vector<std::uint32_t>& out) {
    GRAPHITE_TRY(const auto number, primitive.index("indices", data_.accessors()));
    const std::uint64_t corners = number == mesh_none ? vertex_count : data_.count(number);
    const auto made = mode == 4 ? corners : corners < 3 ? 0 : (corners - 2) * 3;
    indices_ += made;
    if (indices_ > mesh_indices_max) return fail(errc::too_large, "too many triangles");
    std::vector<std::uint32_t> list;
    if (number != mesh_none) {
      GRAPHITE_TRY(list, data_.wholes(number, 1, vertex_count, data_.all_of(number)));
    } else {
      GRAPHITE_CHECK(budget_.take(corners * 4, primitive.what));
      list.resize(corners);
      std::iota(list.begin(), list.end(), 0u);
    }
    if (mode == 4) {
      if (list.size() % 3 != 0) return primitive.bad("its indices make no whole triangles");
      out = std::move(list);
      return {};
    }
    GRAPHITE_CHECK(budget_.take(made * 4, primitive.what));
    out.reserve(made);
    for (std::size_t i = 2; i < list.size(); ++i) {
      const bool odd = mode == 5 && i % 2 == 1;
      const auto first = mode == 6 ? list[0] : list[i - 2];
      // The winding of every second triangle of a strip is turned back.
      for (const auto corner : {first, odd ? list[i] : list[i - 1], odd ? list[i - 1] : list[i]})
        out.push_back(corner);
    }
    return {};
  }

  gltf_data& data_;
  decode_budget& budget_;
  source_scene& scene_;
  mesh_warnings& warnings_;
  std::uint64_t primitives_ = 0, vertices_ = 0, indices_ = 0;
};

}  // namespace

result<void> read_gltf_meshes(const gltf_value& document, gltf_data& data, decode_budget& budget,
                              source_scene& scene, mesh_warnings& warnings) {
  if (!document.has("meshes")) return fail(errc::corrupt, "no meshes");
  GRAPHITE_TRY(const auto list, document.list("meshes"));
  gltf_mesh_reader reader(data, budget, scene, warnings);
  for (const auto element : list) {
    if (scene.meshes.size() == mesh_primitives_max) return fail(errc::too_large, "too many meshes");
    GRAPHITE_CHECK(reader.mesh({element, "mesh " + std::to_string(scene.meshes.size())}));
  }
  return {};
}

}  // namespace graphite
