#include <meshoptimizer.h>

#include <cmath>
#include <limits>

#include "transforms/mesh_process.hpp"

namespace graphite {

namespace {

using point = std::array<double, 3>;

point point_of(const std::vector<float>& from, std::size_t vertex) {
  return {from[vertex * 3], from[vertex * 3 + 1], from[vertex * 3 + 2]};
}

point minus(const point& a, const point& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }

double square(const point& a) { return a[0] * a[0] + a[1] * a[1] + a[2] * a[2]; }

/// Twice the area, along the normal.
point area_of(const std::vector<float>& from, const std::uint32_t* corners) {
  const auto a = point_of(from, corners[0]);
  const auto u = minus(point_of(from, corners[1]), a), v = minus(point_of(from, corners[2]), a);
  return {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
}

std::size_t farthest(const std::vector<float>& points, const point& from) {
  std::size_t out = 0;
  double most = -1;
  for (std::size_t i = 0; i < points.size() / 3; ++i) {
    const auto distance = square(minus(point_of(points, i), from));
    if (distance > most) most = distance, out = i;
  }
  return out;
}

}  // namespace

void generate_normals(source_primitive& primitive) {
  const std::size_t count = primitive.vertex_count;
  std::vector<std::uint32_t> same(count);
  meshopt_generateVertexRemap(same.data(), nullptr, count, primitive.positions.data(), count, 12);
  std::vector<point> sums(count);
  for (std::size_t i = 0; i < primitive.indices.size(); i += 3) {
    const auto area = area_of(primitive.positions, &primitive.indices[i]);
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t k = 0; k < 3; ++k) sums[same[primitive.indices[i + c]]][k] += area[k];
  }
  primitive.normals.assign(count * 3, 0);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& sum = sums[same[i]];
    const auto length = std::sqrt(square(sum));
    for (std::size_t k = 0; length > 0 && k < 3; ++k)
      primitive.normals[i * 3 + k] = static_cast<float>(sum[k] / length);
  }
}

std::uint64_t drop_zero_area(source_primitive& primitive) {
  auto& indices = primitive.indices;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < indices.size(); i += 3) {
    if (square(area_of(primitive.positions, &indices[i])) == 0) continue;
    for (std::size_t k = 0; k < 3; ++k) indices[kept + k] = indices[i + k];
    kept += 3;
  }
  const auto dropped = (indices.size() - kept) / 3;
  indices.resize(kept);
  return dropped;
}

mesh_bounds bounds_of(const std::vector<float>& points) {
  mesh_bounds out{};
  for (std::size_t k = 0; k < 3; ++k) out.least[k] = out.most[k] = points[k];
  for (std::size_t i = 0; i < points.size(); ++i) {
    out.least[i % 3] = std::min(out.least[i % 3], points[i]);
    out.most[i % 3] = std::max(out.most[i % 3], points[i]);
  }
  const auto one = point_of(points, farthest(points, point_of(points, 0)));
  const auto other = point_of(points, farthest(points, one));
  point centre;
  for (std::size_t k = 0; k < 3; ++k) centre[k] = (one[k] + other[k]) / 2;
  double radius = std::sqrt(square(minus(one, other))) / 2;
  for (std::size_t i = 0; i < points.size() / 3; ++i) {
    const auto away = minus(point_of(points, i), centre);
    const auto distance = std::sqrt(square(away));
    if (distance <= radius) continue;
    const auto wider = (radius + distance) / 2, part = (wider - radius) / distance;
    for (std::size_t k = 0; k < 3; ++k) centre[k] += away[k] * part;
    radius = wider;
  }
  for (std::size_t k = 0; k < 3; ++k) out.centre[k] = static_cast<float>(centre[k]);
  const point stored{out.centre[0], out.centre[1], out.centre[2]};
  const auto most = std::sqrt(square(minus(point_of(points, farthest(points, stored)), stored)));
  out.radius = std::nextafter(static_cast<float>(most), std::numeric_limits<float>::max());
  return out;
}

}  // namespace graphite
