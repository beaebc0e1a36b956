#pragma once

#include <span>
#include <string_view>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "transforms/mesh_layout.hpp"

namespace graphite {

/// A checked mesh file. Views into its bytes, which must outlive it; every number in the tables may be used
/// without another look, and every index is below its draw's vertex_count.
struct mesh_file {
  byte_span bytes;
  const mesh_header* header = nullptr;
  std::span<const mesh_level_record> levels;  ///< the finest first
  std::span<const mesh_mesh_record> meshes;
  std::span<const mesh_submesh_record> submeshes;
  std::span<const mesh_draw_record> draws;
  std::span<const mesh_attribute_record> attributes;
  std::span<const mesh_node_record> nodes;  ///< parents first
  std::span<const mesh_skin_record> skins;
  std::span<const mesh_joint_record> joints;
  std::span<const mesh_material_record> materials;
  std::span<const mesh_texture_record> textures;
  std::span<const char> names;

  std::string_view text(const mesh_name& name) const { return {names.data() + name.offset, name.bytes}; }
  /// The corner `number` of a draw.
  std::uint32_t index(const mesh_draw_record& draw, std::uint32_t number) const;
  /// The position of a vertex in the units of the source.
  void position(const mesh_draw_record& draw, std::uint32_t vertex, float out[3]) const;
};

/// Checks everything that docs/formats/mesh.md demands, indices too: O(bytes). `bytes` lie at a multiple of
/// 8. Pure.
/// Errors: corrupt (says what), newer_version.
result<mesh_file> open_mesh_file(byte_span bytes);

}  // namespace graphite
