#pragma once

#include <vector>

#include "transforms/mesh_process.hpp"

namespace graphite {

/// A mesh file (docs/formats/mesh.md) as its parts: header and tables, then each level's geometry, the
/// coarsest first. `submeshes` stand in the order of their meshes. Pure.
/// Errors: too_large for texts of over 4 GiB.
result<std::vector<byte_vector>> write_mesh_file(const source_scene& scene,
                                                 const std::vector<made_submesh>& submeshes);

}  // namespace graphite
