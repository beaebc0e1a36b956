#pragma once

#include <cstdint>
#include <vector>

namespace graphite {

/// The greatest distance of any of `points` from the nearest of the triangles, found with a grid over their
/// box; never less than the true one but for rounding, and infinite where finding it would take over 512
/// looks a point: hostile triangles could make each look long. 3 numbers a point; `indices` name corners in
/// `points`. At least one triangle. Pure. O(points) where triangles are of about one size. Source of the
/// distance: Ericson, Real-Time Collision Detection, 5.1.5.
float greatest_distance(const std::vector<float>& points, const std::vector<std::uint32_t>& queries,
                        const std::vector<std::uint32_t>& indices);

}  // namespace graphite
