#pragma once

#include "transforms/built_in.hpp"

namespace graphite {

/// For docs/transforms.md.
inline constexpr std::string_view mesh_details =
    R"(Makes one file (`docs/formats/mesh.md`) whose vertices and indices an engine uploads as they lie. The asset
has a part for header and tables, and one for each level of detail, **the coarsest first**: having the first
parts, a reader can draw the coarse levels. A texture that a material names becomes a reference to what is
made of that image: a changed image makes no mesh again, but a reader sees both change together.

Kept of **glTF** (JSON and GLB; buffers beside the file, in it or as `data:` URIs in base64): triangles with
positions, normals, tangents, two sets of texture coordinates, colours, joints and weights; nodes of the
default scene with their names and transforms; skins; materials of metal and roughness with the textures
they name. `KHR_mesh_quantization` and `KHR_materials_unlit` are understood; another *required* extension is
refused. Left out, with a warning: animations, morph targets, points and lines, images inside the file,
further sets of attributes. Not kept: cameras, lights, `extras`.

Kept of **OBJ**: polygons (made triangles by clipping ears), texture coordinates, normals, and the names of
groups and materials. What an MTL file says is not kept.

Equal vertices are welded, triangles without area go, and triangles and vertices are ordered for the GPU's
caches. `quantize` stores positions on a grid of 16 bits over the mesh's box: the error of a coordinate is
at most half of 1/65535 of the box's longest side; switch it off where meshes of different files must meet
exactly. `lods` makes coarser levels: each aims at `lod_ratio` of the triangles of the finer one and stops
at `lod_error`; the file states the error of each. Submeshes are simplified each by itself, so that in
coarse levels small gaps may open where two touch.)";

/// glTF 2.0 (JSON or GLB) and Wavefront OBJ: one mappable mesh file (docs/formats/mesh.md).
inline const transform_description& mesh_description() {
  static const transform_description out{
      .name = "mesh",
      .version = 3,
      .help = "makes a mesh file with levels of detail that an engine maps, from glTF and OBJ",
      .details = mesh_details,
      .pictures = {{"images/mesh-levels.png", "A torus knot with `lods = 3`: levels 0 to 3"}},
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
      .libraries = {"libmeshoptimizer", "libsimdjson", "libm"},
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
