#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "transforms/mesh_layout.hpp"

namespace graphite {

/// The bounds of what one source may hold; beyond them it is refused with `too_large`.
inline constexpr std::uint64_t mesh_vertices_max = 1u << 26;   ///< of a source, as its primitives count them
inline constexpr std::uint64_t mesh_indices_max = 3ull << 25;  ///< of a source
inline constexpr std::uint64_t mesh_primitives_max = 65'536;
inline constexpr std::uint64_t mesh_nodes_max = 65'536;
inline constexpr std::uint64_t mesh_node_depth_max = 256;
inline constexpr std::uint64_t mesh_materials_max = 65'536;
inline constexpr std::uint64_t mesh_joints_max = 65'536;
inline constexpr std::uint64_t mesh_name_bytes_max = 1024;  ///< a longer name is cut

/// Triangles of one material as a source gives them. Attributes are empty or have vertex_count values; all
/// numbers are finite, all indices below vertex_count.
struct source_primitive {
  std::uint32_t material = mesh_none;
  std::uint32_t vertex_count = 0;
  std::vector<float> positions;           ///< 3 each
  std::vector<float> normals;             ///< 3 each
  std::vector<float> tangents;            ///< 4 each
  std::array<std::vector<float>, 2> uvs;  ///< 2 each; v grows downwards
  std::vector<float> colours;             ///< 4 each
  std::vector<std::uint16_t> joints;      ///< 4 each
  std::vector<float> weights;             ///< 4 each
  std::vector<std::uint32_t> indices;     ///< 3 a triangle
};

struct source_mesh {
  std::string name;
  std::vector<source_primitive> primitives;
};

struct source_node {
  std::string name;
  std::uint32_t parent = mesh_none;  ///< stands before it
  std::uint32_t mesh = mesh_none, skin = mesh_none;
  std::array<float, 16> transform{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
};

struct source_joint {
  std::uint32_t node = mesh_none;
  std::array<float, 16> inverse_bind{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
};

struct source_skin {
  std::string name;
  std::vector<source_joint> joints;
};

struct source_texture {
  mesh_texture_use use = mesh_texture_use::base_colour;
  std::uint32_t uv = 0;
  std::string path;  ///< logical
};

struct source_material {
  std::string name;
  std::array<float, 4> base_colour{1, 1, 1, 1};
  std::array<float, 3> emissive{0, 0, 0};
  float metallic = 1, roughness = 1, alpha_cutoff = 0.5f;
  mesh_alpha alpha = mesh_alpha::opaque;
  std::uint32_t flags = 0;
  std::vector<source_texture> textures;
};

/// What a reader made of a source.
struct source_scene {
  std::vector<source_mesh> meshes;
  std::vector<source_node> nodes;
  std::vector<source_skin> skins;
  std::vector<source_material> materials;
};

/// Counts what a source decodes to, before the memory is asked for. One thread.
class decode_budget {
 public:
  explicit decode_budget(std::uint64_t bytes_max) : left_(bytes_max) {}
  /// Errors: too_large, names `what`.
  result<void> take(std::uint64_t bytes, const std::string& what) {
    if (bytes > left_)
      return fail(errc::too_large, what + ": more mesh data in all than a source may have (1 GiB)");
    left_ -= bytes;
    return {};
  }

 private:
  std::uint64_t left_;
};

/// Lines for people, each once and of a bounded number. One thread.
class mesh_warnings {
 public:
  void add(const std::string& line) {
    if (lines_ >= lines_max || text_.find(line + "\n") != std::string::npos) return;
    text_ += ++lines_ == lines_max ? "further warnings are left out\n" : line + "\n";
  }
  const std::string& text() const { return text_; }

 private:
  static constexpr int lines_max = 64;
  int lines_ = 0;
  std::string text_;
};

}  // namespace graphite
