#include "bench/media_quality.hpp"

#include <meshoptimizer.h>

#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "bench/child.hpp"
#include "bench/harness.hpp"
#include "core/digest.hpp"
#include "core/units.hpp"
#include "transforms/audio_mix.hpp"
#include "transforms/audio_reader.hpp"
#include "transforms/mesh_distance.hpp"
#include "transforms/mesh_file.hpp"
#include "transforms/mesh_gltf.hpp"

namespace graphite::bench {

namespace {

template <class T>
T needed(result<T> made) {
  if (!made) give_up(made.error().context);
  return std::move(*made);
}

/// All frames at 48 kHz.
std::vector<float> frames_of(const std::string& file) {
  auto reader = needed(audio_reader::open(as_bytes(std::string_view(file)), true));
  auto resampler = needed(audio_resampler::make(reader.rate_hz(), reader.channels()));
  std::vector<float> block(std::size_t{4096} * static_cast<std::size_t>(reader.channels())), out;
  while (true) {
    const auto samples = needed(reader.read(block));
    const auto made = needed(resampler.feed(std::span(block).first(samples)));
    out.insert(out.end(), made.begin(), made.end());
    if (samples == 0) return out;
  }
}

/// What a document names is its one buffer.
class one_buffer final : public transform_files {
 public:
  explicit one_buffer(const std::string& bytes) : bytes_(bytes) {}
  result<byte_span> read(const logical_path&) override { return as_bytes(std::string_view(bytes_)); }

 private:
  const std::string& bytes_;
};

using matrix = std::array<float, 16>;

matrix product(const matrix& a, const matrix& b) {
  matrix out{};
  for (std::size_t c = 0; c < 4; ++c)
    for (std::size_t r = 0; r < 4; ++r)
      for (std::size_t k = 0; k < 4; ++k) out[c * 4 + r] += a[k * 4 + r] * b[c * 4 + k];
  return out;
}

void append(triangle_mesh& out, const source_primitive& from, const matrix& at) {
  const auto first = static_cast<std::uint32_t>(out.points.size() / 3);
  for (std::size_t i = 0; i < from.positions.size(); i += 3)
    for (std::size_t r = 0; r < 3; ++r)
      out.points.push_back(at[r] * from.positions[i] + at[4 + r] * from.positions[i + 1] +
                           at[8 + r] * from.positions[i + 2] + at[12 + r]);
  for (const auto index : from.indices) out.indices.push_back(first + index);
}

}  // namespace

double sound_likeness(const std::string& wav, const std::string& opus) {
  constexpr std::size_t piece = 2 * 960;
  const auto wanted = frames_of(wav), made = frames_of(opus);
  double sum = 0;
  std::size_t pieces = 0;
  for (std::size_t at = 0; at + piece <= std::min(wanted.size(), made.size()); at += piece) {
    double signal = 0, noise = 1e-12;
    for (std::size_t i = at; i < at + piece; ++i) {
      signal += double{wanted[i]} * wanted[i];
      noise += (double{wanted[i]} - made[i]) * (double{wanted[i]} - made[i]);
    }
    if (signal < 1e-6) continue;
    sum += std::clamp(10 * std::log10(signal / noise), 0.0, 60.0);
    ++pieces;
  }
  if (pieces == 0) give_up("the sound is silent");
  return sum / static_cast<double>(pieces);
}

triangle_mesh triangles_of_gmesh(const std::string& bytes, std::uint32_t level) {
  const auto file = needed(open_mesh_file(as_bytes(std::string_view(bytes))));
  triangle_mesh out;
  for (const auto& draw : file.draws) {
    if (draw.level != level) continue;
    const auto first = static_cast<std::uint32_t>(out.points.size() / 3);
    for (std::uint32_t i = 0; i < draw.vertex_count; ++i) {
      std::array<float, 3> point{};
      file.position(draw, i, point.data());
      out.points.insert(out.points.end(), point.begin(), point.end());
    }
    for (std::uint32_t i = 0; i < draw.index_count; ++i) out.indices.push_back(first + file.index(draw, i));
  }
  return out;
}

triangle_mesh triangles_of_gltf(const std::string& bytes, const std::string& buffer) {
  one_buffer files(buffer);
  decode_budget budget(1 * GiB);
  mesh_warnings warnings;
  const auto path = needed(logical_path::parse("a.gltf"));
  const auto scene = needed(read_gltf(path, as_bytes(std::string_view(bytes)), files, budget, warnings));
  triangle_mesh out;
  std::vector<matrix> world;
  for (const auto& node : scene.nodes) {
    world.push_back(node.parent == mesh_none ? node.transform : product(world[node.parent], node.transform));
    if (node.mesh == mesh_none) continue;
    for (const auto& primitive : scene.meshes[node.mesh].primitives) append(out, primitive, world.back());
  }
  return out;
}

double cache_misses(const triangle_mesh& mesh) {
  return double{
      meshopt_analyzeVertexCache(mesh.indices.data(), mesh.indices.size(), mesh.points.size() / 3, 16, 0, 0)
          .acmr};
}

double greatest_error(const triangle_mesh& from, const triangle_mesh& to) {
  auto points = from.points;
  const auto first = static_cast<std::uint32_t>(points.size() / 3);
  points.insert(points.end(), to.points.begin(), to.points.end());
  auto indices = to.indices;
  for (auto& index : indices) index += first;
  std::vector<std::uint32_t> corners(first);
  for (std::uint32_t i = 0; i < first; ++i) corners[i] = i;
  double longest = 0;
  for (std::size_t k = 0; k < 3; ++k) {
    float least = std::numeric_limits<float>::max(), most = std::numeric_limits<float>::lowest();
    for (std::size_t i = k; i < from.points.size(); i += 3)
      least = std::min(least, from.points[i]), most = std::max(most, from.points[i]);
    longest = std::max(longest, double{most} - least);
  }
  return double{greatest_distance(points, corners, indices)} / longest;
}

}  // namespace graphite::bench
