#pragma once

#include "core/digest.hpp"
#include "transforms/mesh_scene.hpp"

namespace graphite {

/// Reads Wavefront OBJ: `v vt vn f o g usemtl`; other statements are passed over. Polygons become triangles
/// by clipping ears. One mesh and node for each `o` or `g` that has faces, one primitive for each of its
/// materials, which have names only. Pure.
///
/// Errors: corrupt ("line N: …"), too_large (a mesh_*_max bound, `budget`, a polygon of over 256 corners).
/// Source of the format: Wavefront Advanced Visualizer manual, appendix B1.
result<source_scene> read_obj(byte_span bytes, decode_budget& budget, mesh_warnings& warnings);

}  // namespace graphite
