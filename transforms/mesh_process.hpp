#pragma once

#include <vector>

#include "core/digest.hpp"
#include "core/ports/parallel_calls.hpp"
#include "transforms/mesh_scene.hpp"

namespace graphite {

/// Beyond this, squares of distances leave what 32 bits hold.
inline constexpr float mesh_coordinate_max = 1e18f;

struct mesh_process_options {
  bool quantize = true, generate_normals = false;
  std::uint32_t lods = 0;
  float lod_ratio = 0.5f, lod_error = 0.05f, overdraw = 1.05f;
};

/// Where a value lies in a vertex.
struct vertex_attribute {
  mesh_semantic semantic;
  mesh_format format;
  std::uint32_t offset;
};

/// What positions and texture coordinates were divided by: value = offset + scale · stored.
struct quantisation {
  float position_offset[3]{0, 0, 0}, position_scale[3]{1, 1, 1};
  float uv_offset[2][2]{}, uv_scale[2][2]{{1, 1}, {1, 1}};
};

/// Vertices, interleaved, and triangles of one level of detail.
struct made_geometry {
  byte_vector vertices;
  std::uint32_t vertex_count = 0;
  std::vector<std::uint32_t> indices;
  float error = 0;  ///< in the units of the source
};

struct made_submesh {
  std::uint32_t mesh = 0, material = mesh_none;
  mesh_bounds bounds{};
  quantisation grid;
  std::vector<vertex_attribute> attributes;
  std::uint32_t stride = 0;
  std::vector<made_geometry> levels;  ///< the finest first; at least one
};

/// The grid of the positions of one mesh: of all its primitives, so that those that touch stay joined.
/// Errors: corrupt for a coordinate beyond mesh_coordinate_max.
result<quantisation> position_grid(const source_mesh& mesh, bool quantize);

/// Interleaves the attributes of a primitive in the formats of the file.
/// `into` gets attributes, stride and the grid of the texture coordinates. Errors: as position_grid.
result<byte_vector> encode_vertices(const source_primitive& from, bool quantize, made_submesh& into);

/// The positions as they stand in encoded vertices, 3 numbers each.
std::vector<float> decoded_positions(const byte_vector& vertices, std::uint32_t count,
                                     const made_submesh& layout, bool quantize);

/// Smooth normals, weighted by area, over all triangles that meet in a position.
void generate_normals(source_primitive& primitive);

/// Takes out triangles of no area; the number of them.
std::uint64_t drop_zero_area(source_primitive& primitive);

/// The box of points and a sphere round them (Ritter 1990, then widened to hold each). At least one point.
mesh_bounds bounds_of(const std::vector<float>& points);

/// Welds equal vertices, orders triangles for the vertex cache and against overdraw and vertices for
/// fetching, and makes the levels of detail. At least one triangle. `mesh` of the result is the
/// caller's. Pure. Errors: as position_grid. Source of the algorithms: meshoptimizer (Kapoulkine), with
/// Garland and Heckbert 1997 for simplification.
result<made_submesh> process_primitive(source_primitive primitive, const quantisation& grid,
                                       const mesh_process_options& options, parallel_calls& threads);

}  // namespace graphite
