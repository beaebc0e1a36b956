#include "transforms/mesh.hpp"

#include <fmt/format.h>

#include <optional>

#include "transforms/mesh_gltf.hpp"
#include "transforms/mesh_obj.hpp"
#include "transforms/mesh_write.hpp"

namespace graphite {

namespace {

mesh_process_options process_options(const option_values& from) {
  mesh_process_options out;
  out.quantize = from.flag("quantize");
  out.generate_normals = from.flag("generate_normals");
  out.lods = static_cast<std::uint32_t>(from.integer("lods"));
  out.lod_ratio = static_cast<float>(from.number("lod_ratio"));
  out.lod_error = static_cast<float>(from.number("lod_error"));
  out.overdraw = static_cast<float>(from.number("overdraw"));
  return out;
}

/// OBJ goes by the extension; anything else is glTF by its first bytes.
result<source_scene> read_scene(const transform_input& in, decode_budget& budget, mesh_warnings& warnings) {
  const auto extension = in.path.extension();
  if (extension == ".obj" || extension == ".OBJ" || extension == ".Obj")
    return read_obj(in.bytes, budget, warnings);
  return read_gltf(in.path, in.bytes, in.files, budget, warnings);
}

/// A primitive that makes a submesh.
struct submesh_source {
  std::uint32_t mesh;
  quantisation grid;
  source_primitive* primitive;
};

result<std::vector<submesh_source>> sources_of(source_scene& scene, const mesh_process_options& options,
                                               mesh_warnings& warnings) {
  std::vector<submesh_source> out;
  std::uint64_t dropped = 0;
  for (std::uint32_t number = 0; number < scene.meshes.size(); ++number) {
    auto& mesh = scene.meshes[number];
    const auto grid = position_grid(mesh, options.quantize);
    if (!grid) return fail(grid.error().code, fmt::format("mesh {}: {}", number, grid.error().context));
    for (auto& primitive : mesh.primitives) {
      dropped += drop_zero_area(primitive);
      if (!primitive.indices.empty()) out.push_back({number, *grid, &primitive});
    }
  }
  if (dropped > 0) warnings.add(fmt::format("{} triangles of no area are left out", dropped));
  return out;
}

result<std::vector<made_submesh>> process_scene(source_scene& scene, const mesh_process_options& options,
                                                parallel_calls& threads, mesh_warnings& warnings) {
  GRAPHITE_TRY(const auto sources, sources_of(scene, options, warnings));
  std::vector<std::optional<result<made_submesh>>> made(sources.size());
  // Side by side, or one with all threads.
  serial_calls alone;
  auto& inner = sources.size() > 1 ? static_cast<parallel_calls&>(alone) : threads;
  const auto process = [&](std::size_t i) {
    made[i] = process_primitive(std::move(*sources[i].primitive), sources[i].grid, options, inner);
  };
  if (sources.size() > 1)
    threads.for_each(sources.size(), process);
  else if (!sources.empty())
    process(0);
  std::vector<made_submesh> out;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    auto& one = *made[i];
    if (!one) return fail(one.error().code, fmt::format("mesh {}: {}", sources[i].mesh, one.error().context));
    one->mesh = sources[i].mesh;
    out.push_back(*std::move(one));
  }
  return out;
}

}  // namespace

result<transform_output> run_mesh(const transform_input& in) {
  if (in.outputs.size() != 1 || in.outputs.front().wildcard)
    return fail(errc::invalid_argument, "mesh makes one output");
  GRAPHITE_TRY(const auto path, logical_path::parse(in.outputs.front().text));
  decode_budget budget(decoded_bytes_max);
  mesh_warnings warnings;
  GRAPHITE_TRY(auto scene, read_scene(in, budget, warnings));
  GRAPHITE_TRY(const auto submeshes, process_scene(scene, process_options(in.options), in.threads, warnings));
  if (submeshes.empty()) return fail(errc::corrupt, "no triangles");
  transform_output out;
  GRAPHITE_TRY(auto parts, write_mesh_file(scene, submeshes));
  out.assets.push_back({path, std::move(parts)});
  out.warnings = warnings.text();
  return out;
}

}  // namespace graphite
