#pragma once

#include "transforms/mesh_gltf_data.hpp"

namespace graphite {

/// \file The parts of a glTF document, each read into its list of `scene`. Errors: as read_gltf.

/// A text of at most mesh_name_bytes_max bytes of whole characters.
std::string gltf_name(const gltf_value& from);

/// Materials and, of their textures, the logical paths of the images, resolved beside `path`; images inside
/// the file are left out with a warning.
result<void> read_gltf_materials(const gltf_value& document, const logical_path& path, source_scene& scene,
                                 mesh_warnings& warnings);

/// Meshes, after the materials. Primitives without triangles are left out with a warning.
result<void> read_gltf_meshes(const gltf_value& document, gltf_data& data, decode_budget& budget,
                              source_scene& scene, mesh_warnings& warnings);

/// Nodes of the default scene, parents first, and skins, after the meshes. Refuses nodes with two parents,
/// cycles and a depth over mesh_node_depth_max.
result<void> read_gltf_nodes(const gltf_value& document, gltf_data& data, source_scene& scene,
                             mesh_warnings& warnings);

}  // namespace graphite
