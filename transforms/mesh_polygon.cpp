#include "transforms/mesh_polygon.hpp"

#include <cmath>

namespace graphite {

namespace {

using flat_point = std::array<double, 2>;

/// The corners in the plane that the polygon covers most of, counter-clockwise.
std::vector<flat_point> flattened(const std::vector<std::array<float, 3>>& corners) {
  std::array<double, 3> normal{};
  for (std::size_t i = 0; i < corners.size(); ++i) {
    const auto& a = corners[i];
    const auto& b = corners[(i + 1) % corners.size()];
    for (std::size_t k = 0; k < 3; ++k) {
      const auto u = (k + 1) % 3, v = (k + 2) % 3;
      normal[k] += (double{a[u]} - b[u]) * (double{a[v]} + b[v]);
    }
  }
  std::size_t axis = 0;
  for (std::size_t k = 1; k < 3; ++k)
    if (std::abs(normal[k]) > std::abs(normal[axis])) axis = k;
  auto u = (axis + 1) % 3, v = (axis + 2) % 3;
  if (normal[axis] < 0) std::swap(u, v);
  std::vector<flat_point> out;
  out.reserve(corners.size());
  for (const auto& corner : corners) out.push_back({corner[u], corner[v]});
  return out;
}

double turn(const flat_point& a, const flat_point& b, const flat_point& c) {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

bool inside(const flat_point& p, const flat_point& a, const flat_point& b, const flat_point& c) {
  return p != a && p != b && p != c && turn(a, b, p) >= 0 && turn(b, c, p) >= 0 && turn(c, a, p) >= 0;
}

/// Whether the corner `at` of what is left can be cut off.
bool is_ear(const std::vector<flat_point>& points, const std::vector<std::uint32_t>& left, std::size_t at) {
  const auto n = left.size();
  const auto &a = points[left[(at + n - 1) % n]], &b = points[left[at]], &c = points[left[(at + 1) % n]];
  if (turn(a, b, c) <= 0) return false;
  for (const auto other : left)
    if (inside(points[other], a, b, c)) return false;
  return true;
}

bool is_convex(const std::vector<flat_point>& points) {
  const auto n = points.size();
  for (std::size_t i = 0; i < n; ++i)
    if (turn(points[i], points[(i + 1) % n], points[(i + 2) % n]) < 0) return false;
  return true;
}

}  // namespace

void triangulate(const std::vector<std::array<float, 3>>& corners, std::vector<std::uint32_t>& out) {
  const auto count = static_cast<std::uint32_t>(corners.size());
  std::vector<std::uint32_t> left;
  if (count > 3) {
    const auto points = flattened(corners);
    if (!is_convex(points)) {
      for (std::uint32_t i = 0; i < count; ++i) left.push_back(i);
      for (std::size_t at = 0, misses = 0; left.size() > 3 && misses < left.size();) {
        const auto n = left.size();
        if (is_ear(points, left, at)) {
          for (const auto corner : {left[(at + n - 1) % n], left[at], left[(at + 1) % n]})
            out.push_back(corner);
          left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
          misses = 0;
        } else {
          ++at;
          ++misses;
        }
        if (at >= left.size()) at = 0;
      }
      for (std::size_t i = 2; i < left.size(); ++i)
        for (const auto corner : {left[0], left[i - 1], left[i]}) out.push_back(corner);
      return;
    }
  }
  for (std::uint32_t i = 2; i < count; ++i)
    for (const auto corner : {0u, i - 1, i}) out.push_back(corner);
}

}  // namespace graphite
