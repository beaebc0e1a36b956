#include "transforms/mesh_picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace graphite {

namespace {

using matrix4 = std::array<double, 16>;
using screen_point = std::array<double, 3>;  // right, down, depth

matrix4 product(const matrix4& a, const float* b) {
  matrix4 out{};
  for (std::size_t c = 0; c < 4; ++c)
    for (std::size_t r = 0; r < 4; ++r)
      for (std::size_t k = 0; k < 4; ++k) out[c * 4 + r] += a[k * 4 + r] * double{b[c * 4 + k]};
  return out;
}

struct mesh_instance {
  std::uint32_t mesh;
  matrix4 transform;
};

/// The meshes as the nodes place them; all where there are no such nodes.
std::vector<mesh_instance> instances_of(const mesh_file& file) {
  const matrix4 unit{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  std::vector<matrix4> world;
  std::vector<mesh_instance> out;
  for (const auto& node : file.nodes) {
    world.push_back(product(node.parent == mesh_none ? unit : world[node.parent], node.transform));
    if (node.mesh != mesh_none && out.size() < mesh_picture_instances_max)
      out.push_back({node.mesh, world.back()});
  }
  if (!out.empty()) return out;
  for (std::uint32_t mesh = 0; mesh < file.meshes.size() && mesh < mesh_picture_instances_max; ++mesh)
    out.push_back({mesh, unit});
  return out;
}

/// From above at 30 degrees and beside at 45.
screen_point seen(const matrix4& at, const float p[3]) {
  std::array<double, 3> w{};
  for (std::size_t r = 0; r < 3; ++r) w[r] = at[r] * p[0] + at[4 + r] * p[1] + at[8 + r] * p[2] + at[12 + r];
  const double half = std::sqrt(0.5), back = (w[0] + w[2]) * half;
  return {(w[0] - w[2]) * half, 0.5 * back - std::sqrt(0.75) * w[1], -(std::sqrt(0.75) * back + 0.5 * w[1])};
}

class mesh_canvas {
 public:
  mesh_canvas(std::uint32_t width, std::uint32_t height)
      : width_(width),
        height_(height),
        pixels_(std::size_t{width} * height * 4),
        depths_(std::size_t{width} * height, std::numeric_limits<float>::max()) {}

  void triangle(const std::array<screen_point, 3>& p) {
    const auto area = cross(p[0], p[1], p[2]);
    if (!std::isfinite(area) || area == 0) return;
    const auto shade = shade_of(p);
    const auto limit = [](double value, std::uint32_t most) {
      return static_cast<std::int64_t>(std::clamp(value, 0.0, double(most)));
    };
    const auto x0 = limit(std::min({p[0][0], p[1][0], p[2][0]}), width_);
    const auto x1 = limit(std::max({p[0][0], p[1][0], p[2][0]}) + 1, width_);
    const auto y0 = limit(std::min({p[0][1], p[1][1], p[2][1]}), height_);
    const auto y1 = limit(std::max({p[0][1], p[1][1], p[2][1]}) + 1, height_);
    std::array<double, 3> height{};  // of the triangle over each side, in pixels
    for (std::size_t i = 0; i < 3; ++i) {
      const auto &a = p[(i + 1) % 3], &b = p[(i + 2) % 3];
      height[i] = std::abs(area) / std::max(std::hypot(b[0] - a[0], b[1] - a[1]), 1e-9);
    }
    // Edges of triangles of a few pixels would hide the surface.
    const bool edges = std::min({height[0], height[1], height[2]}) > 4;
    for (auto y = y0; y < y1; ++y) {
      for (auto x = x0; x < x1; ++x) {
        const screen_point at{double(x) + 0.5, double(y) + 0.5, 0};
        const std::array<double, 3> part{cross(p[1], p[2], at) / area, cross(p[2], p[0], at) / area,
                                         cross(p[0], p[1], at) / area};
        if (part[0] < 0 || part[1] < 0 || part[2] < 0) continue;
        bool edge = false;
        for (std::size_t i = 0; i < 3; ++i) edge = edge || (edges && part[i] * height[i] < 0.8);
        set(x, y, part[0] * p[0][2] + part[1] * p[1][2] + part[2] * p[2][2], edge ? 0.2 : shade);
      }
    }
  }

  byte_vector take() { return std::move(pixels_); }

 private:
  static double cross(const screen_point& a, const screen_point& b, const screen_point& c) {
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
  }

  /// Light from the viewer's left; both sides are seen.
  static double shade_of(const std::array<screen_point, 3>& p) {
    std::array<double, 3> u{}, v{};
    for (std::size_t k = 0; k < 3; ++k) u[k] = p[1][k] - p[0][k], v[k] = p[2][k] - p[0][k];
    const std::array<double, 3> n{u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2],
                                  u[0] * v[1] - u[1] * v[0]};
    const auto length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    return length > 0 ? 0.35 + 0.6 * std::abs(-0.4 * n[0] - 0.5 * n[1] - 0.77 * n[2]) / length : 0.35;
  }

  void set(std::int64_t x, std::int64_t y, double depth, double shade) {
    const auto at = static_cast<std::size_t>(y) * width_ + static_cast<std::size_t>(x);
    if (!(depth < depths_[at])) return;
    depths_[at] = static_cast<float>(depth);
    const auto grey = static_cast<std::byte>(std::clamp(shade, 0.0, 1.0) * 255);
    for (std::size_t k = 0; k < 3; ++k) pixels_[at * 4 + k] = grey;
    pixels_[at * 4 + 3] = std::byte{255};
  }

  std::uint32_t width_, height_;
  byte_vector pixels_;
  std::vector<float> depths_;
};

/// Calls `use` with the corners of each triangle that may be drawn.
template <class Use>
void each_triangle(const mesh_file& file, const std::vector<mesh_instance>& instances, std::size_t level,
                   Use use) {
  std::uint64_t left = mesh_picture_triangles_max;
  for (const auto& instance : instances) {
    const auto& mesh = file.meshes[instance.mesh];
    for (std::uint32_t s = 0; s < mesh.submeshes; ++s) {
      const auto& draw = file.draws[file.submeshes[mesh.first_submesh + s].first_draw + level];
      for (std::uint32_t i = 0; i < draw.index_count && left > 0; i += 3, --left) {
        std::array<screen_point, 3> corners;
        for (std::uint32_t c = 0; c < 3; ++c) {
          float position[3];
          file.position(draw, file.index(draw, i + c), position);
          corners[c] = seen(instance.transform, position);
        }
        use(corners);
      }
    }
  }
}

}  // namespace

byte_vector draw_mesh(const mesh_file& file, std::uint32_t width, std::uint32_t height, std::uint32_t level) {
  GRAPHITE_INVARIANT(width > 0 && height > 0 && width <= mesh_picture_side_max &&
                     height <= mesh_picture_side_max);
  GRAPHITE_INVARIANT(level == 0 || level < file.levels.size());
  while (level + 1 < file.levels.size() && file.levels[level].triangles > mesh_picture_triangles_max) ++level;
  const auto instances = instances_of(file);
  constexpr auto most_number = std::numeric_limits<double>::max();
  std::array<double, 2> least{most_number, most_number}, most{-most_number, -most_number};
  each_triangle(file, instances, level, [&](const std::array<screen_point, 3>& corners) {
    for (const auto& corner : corners) {
      for (std::size_t k = 0; k < 2; ++k) {
        least[k] = std::min(least[k], corner[k]);
        most[k] = std::max(most[k], corner[k]);
      }
    }
  });
  mesh_canvas canvas(width, height);
  constexpr double filled = 0.92;
  const auto wide = std::max(most[0] - least[0], 1e-30), high = std::max(most[1] - least[1], 1e-30);
  const auto scale = filled * std::min(width / wide, height / high);
  if (!std::isfinite(scale)) return canvas.take();
  // What covers much is drawn for each of its pixels: a file of many such triangles must not take for ever.
  auto pixels_left = 64.0 * width * height + 16.0 * mesh_picture_triangles_max;
  each_triangle(file, instances, level, [&](std::array<screen_point, 3> corners) {
    for (auto& corner : corners) {
      corner[0] = (corner[0] - (least[0] + most[0]) / 2) * scale + width / 2.0;
      corner[1] = (corner[1] - (least[1] + most[1]) / 2) * scale + height / 2.0;
      corner[2] *= scale;
    }
    const auto [x0, x1] = std::minmax({corners[0][0], corners[1][0], corners[2][0]});
    const auto [y0, y1] = std::minmax({corners[0][1], corners[1][1], corners[2][1]});
    pixels_left -= (x1 - x0 + 1) * (y1 - y0 + 1);
    if (pixels_left > 0) canvas.triangle(corners);
  });
  return canvas.take();
}

}  // namespace graphite
