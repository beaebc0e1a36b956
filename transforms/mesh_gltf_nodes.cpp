#include "transforms/mesh_gltf_parts.hpp"

namespace graphite {

namespace {

using matrix = std::array<float, 16>;

result<matrix> transform_of(const gltf_value& from) {
  matrix out{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  GRAPHITE_TRY(const bool whole, from.numbers("matrix", out));
  if (whole) return out;
  std::array<float, 3> move{0, 0, 0}, scale{1, 1, 1};
  std::array<float, 4> turn{0, 0, 0, 1};
  GRAPHITE_CHECK(from.numbers("translation", move));
  GRAPHITE_CHECK(from.numbers("scale", scale));
  GRAPHITE_CHECK(from.numbers("rotation", turn));
  const double x = turn[0], y = turn[1], z = turn[2], w = turn[3];
  const double columns[3][3]{{1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)},
                             {2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)},
                             {2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)}};
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t r = 0; r < 3; ++r) out[c * 4 + r] = static_cast<float>(columns[c][r] * scale[c]);
    out[12 + c] = move[c];
  }
  for (const auto value : out)
    if (!std::isfinite(value)) return from.bad("its transform is not finite");
  return out;
}

/// A node with the numbers of the document.
struct document_node {
  source_node made;
  std::uint32_t parent = mesh_none;
  std::vector<std::uint32_t> children;
};

result<std::vector<std::uint32_t>> numbers_of(const gltf_value& from, std::string_view key,
                                              std::size_t count) {
  std::vector<std::uint32_t> out;
  if (!from.has(key)) return out;
  GRAPHITE_TRY(const auto list, from.list(key));
  for (const auto one : list) {
    std::uint64_t number = 0;
    if (one.get(number) || number >= count) return from.bad("'" + std::string(key) + "' names no node");
    if (out.size() == mesh_nodes_max)
      return fail(errc::too_large, from.what + ": too many " + std::string(key));
    out.push_back(static_cast<std::uint32_t>(number));
  }
  return out;
}

class gltf_node_reader {
 public:
  gltf_node_reader(const gltf_value& document, source_scene& scene) : document_(document), scene_(scene) {}

  result<void> read(std::size_t skins) {
    GRAPHITE_TRY(const auto list, document_.list("nodes"));
    if (list.size() > mesh_nodes_max) return fail(errc::too_large, "too many nodes");
    for (const auto element : list) {
      const gltf_value from{element, "node " + std::to_string(nodes_.size())};
      auto& node = nodes_.emplace_back();
      node.made.name = gltf_name(from);
      GRAPHITE_TRY(node.made.mesh, from.index("mesh", scene_.meshes.size()));
      GRAPHITE_TRY(node.made.skin, from.index("skin", skins));
      GRAPHITE_TRY(node.made.transform, transform_of(from));
      GRAPHITE_TRY(node.children, numbers_of(from, "children", list.size()));
    }
    return link();
  }

  /// The numbers in the scene, by those in the document; mesh_none: not in it.
  const std::vector<std::uint32_t>& places() const { return places_; }

 private:
  result<void> link() {
    for (std::uint32_t number = 0; number < nodes_.size(); ++number) {
      for (const auto child : nodes_[number].children) {
        if (nodes_[child].parent != mesh_none || child == number)
          return fail(errc::corrupt, "node " + std::to_string(child) + " has two parents or is its own");
        nodes_[child].parent = number;
      }
    }
    std::vector<std::uint32_t> roots;
    for (std::uint32_t number = 0; number < nodes_.size(); ++number)
      if (nodes_[number].parent == mesh_none) roots.push_back(number);
    // Every node has one parent at the most, so what no root reaches goes round.
    GRAPHITE_TRY(const auto reached, visit(roots, false));
    if (reached != nodes_.size()) return fail(errc::corrupt, "nodes that are their own ancestors");
    GRAPHITE_TRY(auto wanted, scene_roots());
    places_.assign(nodes_.size(), mesh_none);
    GRAPHITE_CHECK(visit(wanted ? *wanted : roots, true));
    return {};
  }

  result<std::optional<std::vector<std::uint32_t>>> scene_roots() {
    using roots = std::optional<std::vector<std::uint32_t>>;
    if (!document_.has("scenes")) return roots();
    GRAPHITE_TRY(const auto list, document_.list("scenes"));
    GRAPHITE_TRY(auto number, document_.index("scene", list.size()));
    if (number == mesh_none) number = 0;
    std::uint32_t at = 0;
    for (const auto element : list) {
      if (at++ != number) continue;
      const gltf_value from{element, "scene " + std::to_string(number)};
      GRAPHITE_TRY(auto found, numbers_of(from, "nodes", nodes_.size()));
      for (const auto root : found)
        if (nodes_[root].parent != mesh_none) return from.bad("node " + std::to_string(root) + " is no root");
      return roots(std::move(found));
    }
    return roots();
  }

  /// Walks the trees below `roots`, parents first; `take`: into the scene. The number of nodes seen.
  result<std::size_t> visit(const std::vector<std::uint32_t>& roots, bool take) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> open;  // node, depth
    for (auto at = roots.size(); at-- > 0;) open.emplace_back(roots[at], 1);
    std::size_t seen = 0;
    while (!open.empty()) {
      const auto [number, depth] = open.back();
      open.pop_back();
      if (depth > mesh_node_depth_max) return fail(errc::too_large, "nodes of a depth over 256");
      auto& node = nodes_[number];
      if (take && places_[number] != mesh_none) return fail(errc::corrupt, "a scene names a node twice");
      if (take) {
        places_[number] = static_cast<std::uint32_t>(scene_.nodes.size());
        node.made.parent = node.parent == mesh_none ? mesh_none : places_[node.parent];
        scene_.nodes.push_back(node.made);
      }
      ++seen;
      for (auto at = node.children.size(); at-- > 0;) open.emplace_back(node.children[at], depth + 1);
    }
    return seen;
  }

  const gltf_value& document_;
  source_scene& scene_;
  std::vector<document_node> nodes_;
  std::vector<std::uint32_t> places_;
};

result<source_skin> read_skin(const gltf_value& from, gltf_data& data,
                              const std::vector<std::uint32_t>& places, std::uint64_t& joints) {
  source_skin out;
  out.name = gltf_name(from);
  GRAPHITE_TRY(const auto numbers, numbers_of(from, "joints", places.size()));
  joints += numbers.size();
  if (numbers.empty()) return from.bad("no joints");
  if (joints > mesh_joints_max) return fail(errc::too_large, "too many joints");
  GRAPHITE_TRY(const auto accessor, from.index("inverseBindMatrices", data.accessors()));
  std::vector<float> matrices;
  if (accessor != mesh_none) {
    GRAPHITE_TRY(matrices, data.floats(accessor, 16, data.all_of(accessor)));
    if (matrices.size() / 16 < numbers.size()) return from.bad("fewer inverse bind matrices than joints");
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    auto& joint = out.joints.emplace_back();
    joint.node = places[numbers[i]];
    if (joint.node == mesh_none) return from.bad("joint " + std::to_string(i) + " is not in the scene");
    if (!matrices.empty()) std::copy_n(&matrices[i * 16], 16, joint.inverse_bind.begin());
  }
  return out;
}

}  // namespace

result<void> read_gltf_nodes(const gltf_value& document, gltf_data& data, source_scene& scene,
                             mesh_warnings& warnings) {
  if (!document.has("nodes")) {
    warnings.add("no nodes: the meshes stand alone");
    return {};
  }
  simdjson::dom::array skins;
  std::size_t skin_count = 0;
  if (document.has("skins")) {
    GRAPHITE_TRY(skins, document.list("skins"));
    skin_count = skins.size();
  }
  gltf_node_reader nodes(document, scene);
  GRAPHITE_CHECK(nodes.read(skin_count));
  std::uint64_t joints = 0;
  if (skin_count == 0) return {};
  for (const auto element : skins) {
    const gltf_value from{element, "skin " + std::to_string(scene.skins.size())};
    GRAPHITE_TRY(auto made, read_skin(from, data, nodes.places(), joints));
    scene.skins.push_back(std::move(made));
  }
  return {};
}

}  // namespace graphite
