#include "transforms/mesh_process.hpp"

#include <meshoptimizer.h>

#include <algorithm>

#include "transforms/mesh_distance.hpp"

namespace graphite {

namespace {

using index_list = std::vector<std::uint32_t>;

/// A submesh whose vertices are welded: what the orders and levels are made from.
struct welded {
  byte_vector vertices;
  std::uint32_t count = 0;
  index_list indices;
  std::vector<float> points;
};

/// Joins vertices that are the same in every byte; they stay in the order of the source, for its neighbours
/// are mostly near each other there.
void weld(welded& mesh, std::uint32_t stride) {
  index_list remap(mesh.count);
  const auto unique = meshopt_generateVertexRemap(remap.data(), nullptr, mesh.count, mesh.vertices.data(),
                                                  mesh.count, stride);
  if (unique == mesh.count) return;
  meshopt_remapIndexBuffer(mesh.indices.data(), mesh.indices.data(), mesh.indices.size(), remap.data());
  byte_vector vertices(unique * stride);
  meshopt_remapVertexBuffer(vertices.data(), mesh.vertices.data(), mesh.count, stride, remap.data());
  mesh.vertices = std::move(vertices);
  mesh.count = static_cast<std::uint32_t>(unique);
}

/// Triangles by their least vertex (a counting sort): what orders them for the vertex cache then finds
/// neighbours in memory that is near, in half the time where the source is in disorder.
void sort_triangles(index_list& indices, std::uint32_t count) {
  index_list places(std::size_t{count} + 1), sorted(indices.size());
  const auto least = [&](std::size_t at) {
    return std::min({indices[at], indices[at + 1], indices[at + 2]});
  };
  for (std::size_t i = 0; i < indices.size(); i += 3) ++places[least(i) + 1];
  for (std::size_t v = 1; v < places.size(); ++v) places[v] += places[v - 1];
  for (std::size_t i = 0; i < indices.size(); i += 3) {
    const auto to = std::size_t{places[least(i)]++} * 3;
    for (std::size_t k = 0; k < 3; ++k) sorted[to + k] = indices[i + k];
  }
  indices.swap(sorted);
}

/// Triangles that welding has made a line or a point; at least one triangle stays.
void drop_collapsed(index_list& indices) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < indices.size(); i += 3) {
    const auto a = indices[i], b = indices[i + 1], c = indices[i + 2];
    if ((a == b || b == c || a == c) && !(kept == 0 && i + 3 == indices.size())) continue;
    indices[kept] = a, indices[kept + 1] = b, indices[kept + 2] = c;
    kept += 3;
  }
  indices.resize(kept);
}

void order_triangles(index_list& indices, const welded& mesh, float overdraw) {
  index_list ordered(indices.size());
  meshopt_optimizeVertexCache(ordered.data(), indices.data(), indices.size(), mesh.count);
  if (overdraw <= 1) return indices.swap(ordered);
  meshopt_optimizeOverdraw(indices.data(), ordered.data(), ordered.size(), mesh.points.data(), mesh.count, 12,
                           overdraw);
}

/// Vertices in the order in which the triangles need them; those not needed are left out.
made_geometry fetch_ordered(index_list indices, const welded& mesh, std::uint32_t stride) {
  made_geometry out;
  out.indices = std::move(indices);
  out.vertices.resize(std::min<std::size_t>(mesh.count, out.indices.size()) * stride);
  index_list remap(mesh.count);
  out.vertex_count = static_cast<std::uint32_t>(
      meshopt_optimizeVertexFetchRemap(remap.data(), out.indices.data(), out.indices.size(), mesh.count));
  meshopt_remapIndexBuffer(out.indices.data(), out.indices.data(), out.indices.size(), remap.data());
  meshopt_remapVertexBuffer(out.vertices.data(), mesh.vertices.data(), mesh.count, stride, remap.data());
  out.vertices.resize(std::size_t{out.vertex_count} * stride);
  return out;
}

/// Vertices of the finest level that a level lacks: the others lie on it.
index_list left_out(const index_list& finest, const index_list& coarser, std::uint32_t count) {
  std::vector<bool> skip(count, false);
  index_list out;
  for (const auto vertex : coarser) skip[vertex] = true;
  for (const auto vertex : finest) {
    if (skip[vertex]) continue;
    skip[vertex] = true;
    out.push_back(vertex);
  }
  return out;
}

/// The triangles of each coarser level, simplified from the one before; the simplifier's estimates add up and
/// end the levels, as does a level that would be hardly smaller.
std::vector<index_list> simplified_levels(const welded& mesh, const mesh_process_options& options) {
  constexpr float smaller_by = 0.9f;
  std::vector<index_list> out;
  float error = 0;
  for (std::uint32_t level = 1; level <= options.lods && error < options.lod_error; ++level) {
    const auto& finer = out.empty() ? mesh.indices : out.back();
    const auto triangles = static_cast<std::size_t>(static_cast<float>(finer.size() / 3) * options.lod_ratio);
    if (triangles == 0) break;
    index_list coarser(finer.size());
    float reached = 0;
    coarser.resize(meshopt_simplify(coarser.data(), finer.data(), finer.size(), mesh.points.data(),
                                    mesh.count, 12, triangles * 3, options.lod_error - error, 0, &reached));
    if (coarser.empty() || static_cast<float>(coarser.size()) > static_cast<float>(finer.size()) * smaller_by)
      break;
    error += reached;
    out.push_back(std::move(coarser));
  }
  return out;
}

made_geometry ordered_geometry(index_list indices, const welded& mesh, std::uint32_t stride, float overdraw) {
  order_triangles(indices, mesh, overdraw);
  return fetch_ordered(std::move(indices), mesh, stride);
}

/// The finest level and the coarser ones. The error that the file states of a level is measured; one that
/// errs by too much ends them.
std::vector<made_geometry> make_levels(const welded& mesh, std::uint32_t stride,
                                       const mesh_process_options& options, parallel_calls& threads) {
  std::vector<index_list> coarser;
  std::vector<made_geometry> out(1);
  threads.for_each(2, [&](std::size_t i) {
    if (i == 0)
      coarser = simplified_levels(mesh, options);
    else
      out[0] = ordered_geometry(mesh.indices, mesh, stride, options.overdraw);
  });
  std::vector<float> errors(coarser.size());
  out.resize(1 + coarser.size());
  threads.for_each(2 * coarser.size(), [&](std::size_t i) {
    const auto& indices = coarser[i / 2];
    if (i % 2 == 0)
      errors[i / 2] = greatest_distance(mesh.points, left_out(mesh.indices, indices, mesh.count), indices);
    else
      out[1 + i / 2] = ordered_geometry(indices, mesh, stride, options.overdraw);
  });
  const float error_max =
      coarser.empty() ? 0 : options.lod_error * meshopt_simplifyScale(mesh.points.data(), mesh.count, 12);
  for (std::size_t level = 1; level < out.size(); ++level) {
    if (errors[level - 1] > error_max) {
      out.resize(level);
      break;
    }
    out[level].error = std::max(errors[level - 1], out[level - 1].error);
  }
  return out;
}

}  // namespace

result<made_submesh> process_primitive(source_primitive primitive, const quantisation& grid,
                                       const mesh_process_options& options, parallel_calls& threads) {
  if (primitive.normals.empty() && options.generate_normals) generate_normals(primitive);
  made_submesh out;
  out.material = primitive.material;
  out.grid = grid;
  welded mesh;
  GRAPHITE_TRY(mesh.vertices, encode_vertices(primitive, options.quantize, out));
  mesh.count = primitive.vertex_count;
  mesh.indices = std::move(primitive.indices);
  primitive = {};
  weld(mesh, out.stride);
  drop_collapsed(mesh.indices);
  sort_triangles(mesh.indices, mesh.count);
  mesh.points = decoded_positions(mesh.vertices, mesh.count, out, options.quantize);
  out.levels = make_levels(mesh, out.stride, options, threads);
  const auto& finest = out.levels.front();
  out.bounds = bounds_of(decoded_positions(finest.vertices, finest.vertex_count, out, options.quantize));
  return out;
}

}  // namespace graphite
