#include "transforms/mesh_distance.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace graphite {

namespace {

using float3 = std::array<float, 3>;

// Surfaces that simplification leaves take about 40.
constexpr std::uint64_t looks_a_query_max = 512, looks_least = 1u << 20;

float3 difference(const float3& a, const float3& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
float dot_of(const float3& a, const float3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/// The square of the length of p − a − s·u − r·v.
float square_left(const float3& w, const float3& u, float s, const float3& v, float r) {
  const float3 left{w[0] - s * u[0] - r * v[0], w[1] - s * u[1] - r * v[1], w[2] - s * u[2] - r * v[2]};
  return dot_of(left, left);
}

float square_to_triangle(const float3& p, const float3& a, const float3& b, const float3& c) {
  const auto u = difference(b, a), v = difference(c, a), w = difference(p, a);
  const float d1 = dot_of(u, w), d2 = dot_of(v, w);
  if (d1 <= 0 && d2 <= 0) return dot_of(w, w);
  const auto x = difference(p, b), y = difference(p, c);
  const float d3 = dot_of(u, x), d4 = dot_of(v, x);
  if (d3 >= 0 && d4 <= d3) return dot_of(x, x);
  const float d5 = dot_of(u, y), d6 = dot_of(v, y);
  if (d6 >= 0 && d5 <= d6) return dot_of(y, y);
  const float vc = d1 * d4 - d3 * d2;
  if (vc <= 0 && d1 >= 0 && d3 <= 0) return square_left(w, u, d1 / std::max(d1 - d3, 1e-38f), v, 0);
  const float vb = d5 * d2 - d1 * d6;
  if (vb <= 0 && d2 >= 0 && d6 <= 0) return square_left(w, u, 0, v, d2 / std::max(d2 - d6, 1e-38f));
  const float va = d3 * d6 - d5 * d4;
  if (va <= 0 && d4 >= d3 && d5 >= d6) {
    const float part = (d4 - d3) / std::max((d4 - d3) + (d5 - d6), 1e-38f);
    return square_left(w, u, 1 - part, v, part);
  }
  const float sum = va + vb + vc;
  if (!(sum > 0)) return std::min({dot_of(w, w), dot_of(x, x), dot_of(y, y)});
  return square_left(w, u, vb / sum, v, vc / sum);
}

/// Triangles by the cells that their boxes touch.
class triangle_grid {
 public:
  triangle_grid(const std::vector<float>& points, const std::vector<std::uint32_t>& indices)
      : points_(points), indices_(indices) {
    least_.fill(std::numeric_limits<float>::max());
    float3 most;
    most.fill(std::numeric_limits<float>::lowest());
    for (const auto index : indices) {
      for (std::size_t k = 0; k < 3; ++k) {
        least_[k] = std::min(least_[k], points[index * std::size_t{3} + k]);
        most[k] = std::max(most[k], points[index * std::size_t{3} + k]);
      }
    }
    choose_cells(most);
    fill();
  }

  /// The square of the distance of the nearest triangle; what is under `enough` may come back as anything
  /// under.
  float nearest(const float3& p, float enough) {
    // What was near the point before is mostly near this one.
    float best = distance(p, last_);
    if (best <= enough) return best;
    const auto home = cell_of(p);
    const int rings = std::max({cells_[0], cells_[1], cells_[2]});
    for (int ring = 0; ring < rings; ++ring) {
      if (!look_round(p, home, ring, enough, best)) return best;
      // What is farther out is at least this far from a point inside the grid; others only look longer.
      const float clear = cell_ * static_cast<float>(ring) - outside(p);
      if (clear > 0 && best <= clear * clear) break;
    }
    return best;
  }

  /// How many triangles and cells have been looked at.
  std::uint64_t looks() const { return looks_; }

 private:
  void choose_cells(const float3& most) {
    constexpr int cells_max = 128;
    const float3 size = difference(most, least_);
    const float longest = std::max({size[0], size[1], size[2], 1e-30f});
    const auto wanted = std::sqrt(static_cast<float>(indices_.size()) / 3);
    cell_ = longest / std::clamp(wanted, 1.0f, static_cast<float>(cells_max));
    for (std::size_t k = 0; k < 3; ++k)
      cells_[k] = std::clamp(static_cast<int>(size[k] / cell_) + 1, 1, cells_max + 1);
  }

  std::array<int, 3> cell_of(const float3& p) const {
    std::array<int, 3> out;
    for (std::size_t k = 0; k < 3; ++k)
      out[k] =
          static_cast<int>(std::clamp((p[k] - least_[k]) / cell_, 0.0f, static_cast<float>(cells_[k] - 1)));
    return out;
  }

  std::size_t place(int x, int y, int z) const {
    return (static_cast<std::size_t>(z) * static_cast<std::size_t>(cells_[1]) + static_cast<std::size_t>(y)) *
               static_cast<std::size_t>(cells_[0]) +
           static_cast<std::size_t>(x);
  }

  float3 corner(std::size_t at) const {
    const auto* from = &points_[indices_[at] * std::size_t{3}];
    return {from[0], from[1], from[2]};
  }

  template <class Use>
  void each_cell(std::size_t triangle, Use use) const {
    std::array<std::array<int, 3>, 3> at;
    for (std::size_t c = 0; c < 3; ++c) at[c] = cell_of(corner(triangle * 3 + c));
    std::array<int, 3> from, to;
    for (std::size_t k = 0; k < 3; ++k)
      from[k] = std::min({at[0][k], at[1][k], at[2][k]}), to[k] = std::max({at[0][k], at[1][k], at[2][k]});
    for (int z = from[2]; z <= to[2]; ++z)
      for (int y = from[1]; y <= to[1]; ++y)
        for (int x = from[0]; x <= to[0]; ++x) use(place(x, y, z));
  }

  /// Counts, then places; coarser cells while large triangles would fill too many.
  void fill() {
    const auto triangles = indices_.size() / 3;
    const auto entries_max = std::max<std::uint64_t>(triangles * 16, 4096);
    for (;;) {
      begins_.assign(place(cells_[0] - 1, cells_[1] - 1, cells_[2] - 1) + 2, 0);
      std::uint64_t entries = 0;
      for (std::size_t t = 0; t < triangles && entries <= entries_max; ++t)
        each_cell(t, [&](std::size_t cell) { ++begins_[cell + 1], ++entries; });
      if (entries <= entries_max || (cells_[0] == 1 && cells_[1] == 1 && cells_[2] == 1)) break;
      cell_ *= 2;
      for (auto& count : cells_) count = (count + 1) / 2;
    }
    for (std::size_t i = 1; i < begins_.size(); ++i) begins_[i] += begins_[i - 1];
    entries_.resize(begins_.back());
    auto next = begins_;
    for (std::size_t t = 0; t < triangles; ++t)
      each_cell(t, [&](std::size_t cell) { entries_[next[cell]++] = static_cast<std::uint32_t>(t); });
  }

  /// The cells whose greatest step from `home` is `ring`; false: what is there is near enough.
  bool look_round(const float3& p, const std::array<int, 3>& home, int ring, float enough, float& best) {
    const auto low = [&](std::size_t k) { return std::max(home[k] - ring, 0); };
    const auto high = [&](std::size_t k) { return std::min(home[k] + ring, cells_[k] - 1); };
    for (int z = low(2); z <= high(2); ++z)
      for (int y = low(1); y <= high(1); ++y) {
        const bool shell = std::abs(z - home[2]) == ring || std::abs(y - home[1]) == ring;
        const int step = shell || ring == 0 ? 1 : 2 * ring;
        for (int x = home[0] - ring; x <= home[0] + ring; x += step)
          if (x >= 0 && x < cells_[0] && !look_into(p, place(x, y, z), enough, best)) return false;
      }
    return true;
  }

  bool look_into(const float3& p, std::size_t cell, float enough, float& best) {
    ++looks_;
    for (auto at = begins_[cell]; at < begins_[cell + 1]; ++at) {
      const std::size_t t = entries_[at];
      ++looks_;
      const float found = distance(p, t);
      if (found >= best) continue;
      best = found, last_ = t;
      if (best <= enough) return false;
    }
    return true;
  }

  float distance(const float3& p, std::size_t triangle) const {
    return square_to_triangle(p, corner(triangle * 3), corner(triangle * 3 + 1), corner(triangle * 3 + 2));
  }

  /// How far a point is out of the grid.
  float outside(const float3& p) const {
    float out = 0;
    for (std::size_t k = 0; k < 3; ++k)
      out = std::max({out, least_[k] - p[k], p[k] - least_[k] - cell_ * static_cast<float>(cells_[k])});
    return out;
  }

  const std::vector<float>& points_;
  const std::vector<std::uint32_t>& indices_;
  float3 least_;
  float cell_ = 1;
  std::array<int, 3> cells_{1, 1, 1};
  std::vector<std::uint64_t> begins_;
  std::vector<std::uint32_t> entries_;
  std::uint64_t looks_ = 0;
  std::size_t last_ = 0;  ///< the triangle that was near the last point
};

}  // namespace

float greatest_distance(const std::vector<float>& points, const std::vector<std::uint32_t>& queries,
                        const std::vector<std::uint32_t>& indices) {
  triangle_grid grid(points, indices);
  const auto looks_max = (queries.size() + indices.size()) * looks_a_query_max + looks_least;
  float most = 0;
  // A few from everywhere first: the greater the distance so far, the sooner each of the others is near
  // enough.
  for (const std::size_t step : {std::size_t{61}, std::size_t{1}})
    for (std::size_t i = 0; i < queries.size(); i += step) {
      const auto* p = &points[queries[i] * std::size_t{3}];
      most = std::max(most, grid.nearest({p[0], p[1], p[2]}, most));
      if (grid.looks() > looks_max) return std::numeric_limits<float>::infinity();
    }
  return std::sqrt(most) * 1.0001f;
}

}  // namespace graphite
