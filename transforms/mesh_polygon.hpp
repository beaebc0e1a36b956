#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace graphite {

inline constexpr std::size_t polygon_corners_max = 256;

/// Appends the triangles of a polygon as numbers of its corners, in its winding: a fan where it is convex,
/// else by clipping ears in the plane of its Newell normal (Meisters 1975; Sutherland, Sproull, Schumacker
/// 1974), and what cannot be clipped as a fan. At least 3 and at most polygon_corners_max corners;
/// O(corners³) at the worst. Pure.
void triangulate(const std::vector<std::array<float, 3>>& corners, std::vector<std::uint32_t>& out);

}  // namespace graphite
