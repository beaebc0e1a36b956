#pragma once

#include "transforms/built_in.hpp"

namespace graphite {

/// glTF 2.0 (JSON or GLB) and Wavefront OBJ: one mappable mesh file (docs/formats/mesh.md).
inline const transform_description& mesh_description() {
  static const transform_description out{
      .name = "mesh",
      .version = 1,
      .help = "makes a mesh file with levels of detail that an engine maps, from glTF and OBJ",
      .matches = {"*.gltf", "*.glb", "*.obj"},
      .outputs = {"{dir}/{stem}.gmesh"},
      .options =
          {
              {.name = "generate_normals",
               .standard = false,
               .help = "smooth normals where the source has none"},
              {.name = "lod_error",
               .standard = 0.05,
               .help = "the greatest error of a level of detail, as a part of the submesh's extent",
               .least = 0,
               .most = 1},
              {.name = "lod_ratio",
               .standard = 0.5,
               .help = "triangles of a level of detail as a part of the finer one's",
               .least = 0.05,
               .most = 0.95},
              {.name = "lods",
               .standard = std::int64_t{0},
               .help = "levels of detail beside the finest",
               .least = 0,
               .most = 8},
              {.name = "overdraw",
               .standard = 1.05,
               .help = "how much worse for the vertex cache a triangle order may be that draws less over",
               .least = 1,
               .most = 3},
              {.name = "quantize",
               .standard = true,
               .help = "positions and texture coordinates in 16 bits, normals and tangents in 8"},
          },
      .references = {{.pattern = {}, .scanner = "gltf-images", .search = {}, .at_run = true},
                     {.pattern = {}, .scanner = "gltf-buffers", .search = {}},
                     {.pattern = {}, .scanner = "obj", .search = {}, .at_run = true}},
      .cost_ns_per_byte = 100,
      .memory_bytes_max = 6 * GiB,
      .timeout = milliseconds{300'000},
      .output_bytes_max = 2 * GiB,
  };
  return out;
}

/// See transform_function.
result<transform_output> run_mesh(const transform_input& in);

}  // namespace graphite
