#pragma once

#include "transforms/built_in.hpp"
#include "transforms/mesh_scene.hpp"

namespace graphite {

/// Reads glTF 2.0, JSON or GLB: meshes, nodes of the default scene, skins and materials. Buffers are asked
/// for with `files`, relative to `path`, when an accessor needs one; images never. Every number of the
/// document is checked before it is used.
///
/// Errors: corrupt (names the thing by its number in the document), unsupported (a required extension),
/// too_large (a mesh_*_max bound or `budget`), invalid_argument (a buffer outside the root), those of
/// `files`. Source of the format: Khronos glTF 2.0; KHR_mesh_quantization; KHR_materials_unlit.
result<source_scene> read_gltf(const logical_path& path, byte_span bytes, transform_files& files,
                               decode_budget& budget, mesh_warnings& warnings);

}  // namespace graphite
