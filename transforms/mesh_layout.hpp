#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace graphite {

/// \file The records of a mesh file as docs/formats/mesh.md lays them down: little-endian, without padding,
/// usable where they lie in a mapped file.

static_assert(std::endian::native == std::endian::little);

inline constexpr std::uint32_t mesh_none = 0xffff'ffff;   ///< of a reference to a record: none
inline constexpr std::uint32_t mesh_magic = 0x4853'4d47;  ///< `GMSH`
inline constexpr std::uint16_t mesh_version = 1;
inline constexpr std::uint64_t mesh_alignment = 64;
inline constexpr std::uint32_t mesh_levels_max = 9;

enum class mesh_section : std::uint32_t {
  levels = 1,
  meshes,
  submeshes,
  draws,
  attributes,
  nodes,
  skins,
  joints,
  materials,
  textures,
  names,
};
inline constexpr std::uint32_t mesh_sections = 11;

enum class mesh_semantic : std::uint16_t { position = 1, normal, tangent, uv0, uv1, colour, joints, weights };

enum class mesh_format : std::uint16_t {
  f32x2 = 1,
  f32x3,
  f32x4,
  unorm16x2,
  unorm16x4,
  snorm8x4,
  unorm8x4,
  uint8x4,
  uint16x4,
};

/// Bytes of one value; 0 for anything that is no format.
constexpr std::uint32_t mesh_format_bytes(mesh_format format) {
  constexpr std::uint32_t bytes[]{0, 8, 12, 16, 4, 8, 4, 4, 4, 8};
  const auto at = static_cast<std::size_t>(format);
  return at < std::size(bytes) ? bytes[at] : 0;
}

/// Box and sphere round what is drawn.
struct mesh_bounds {
  float least[3], most[3];
  float centre[3], radius;
};

struct mesh_header {
  std::uint32_t magic;
  std::uint16_t version, zero;
  std::uint64_t file_bytes;
  std::uint32_t sections, levels;
  mesh_bounds bounds;  ///< of all meshes, without the nodes' transforms
};

struct mesh_section_entry {
  std::uint32_t kind, record_bytes;
  std::uint64_t offset, count, zero;
};

/// A text in the names; `offset` from the beginning of that section.
struct mesh_name {
  std::uint32_t offset, bytes;
};

struct mesh_level_record {
  std::uint64_t offset, bytes, triangles;
  float error;
  std::uint32_t zero;
};

struct mesh_mesh_record {
  std::uint32_t first_submesh, submeshes;
  mesh_name name;
};

struct mesh_submesh_record {
  std::uint32_t mesh, material;
  std::uint32_t first_draw, draws;
  mesh_bounds bounds;
  float position_offset[3], position_scale[3];
  float uv_offset[2][2], uv_scale[2][2];  ///< of uv0 and uv1
  std::uint64_t zero[2];
};

struct mesh_draw_record {
  std::uint64_t index_offset;
  std::uint32_t index_count, index_bytes;
  std::uint32_t vertex_count, first_attribute, attributes;
  std::uint32_t submesh, level;
  float error;
};

struct mesh_attribute_record {
  mesh_semantic semantic;
  mesh_format format;
  std::uint32_t stride;
  std::uint64_t offset;
};

struct mesh_node_record {
  std::uint32_t parent, mesh, skin, zero;
  mesh_name name;
  float transform[16];
};

struct mesh_skin_record {
  std::uint32_t first_joint, joints;
  mesh_name name;
};

struct mesh_joint_record {
  std::uint32_t node, zero[3];
  float inverse_bind[16];
};

enum class mesh_alpha : std::uint32_t { opaque, mask, blend };
inline constexpr std::uint32_t mesh_double_sided = 1, mesh_unlit = 2;  ///< mesh_material_record::flags

struct mesh_material_record {
  mesh_name name;
  float base_colour[4], emissive[3];
  float metallic, roughness, alpha_cutoff;
  mesh_alpha alpha;
  std::uint32_t flags, first_texture, textures;
};

enum class mesh_texture_use : std::uint32_t {
  base_colour = 1,
  metallic_roughness,
  normal,
  occlusion,
  emissive
};

struct mesh_texture_record {
  mesh_texture_use use;
  std::uint32_t uv;
  mesh_name path;
};

static_assert(sizeof(mesh_header) == 64 && sizeof(mesh_section_entry) == 32);
static_assert(sizeof(mesh_level_record) == 32 && sizeof(mesh_mesh_record) == 16);
static_assert(sizeof(mesh_submesh_record) == 128 && sizeof(mesh_draw_record) == 40);
static_assert(sizeof(mesh_attribute_record) == 16 && sizeof(mesh_node_record) == 88);
static_assert(sizeof(mesh_skin_record) == 16 && sizeof(mesh_joint_record) == 80);
static_assert(sizeof(mesh_material_record) == 64 && sizeof(mesh_texture_record) == 16);

}  // namespace graphite
