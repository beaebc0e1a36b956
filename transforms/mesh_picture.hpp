#pragma once

#include <vector>

#include "transforms/mesh_file.hpp"

namespace graphite {

/// The bounds of what is drawn, so that a preview of any file ends soon.
inline constexpr std::uint32_t mesh_picture_side_max = 4096;
inline constexpr std::uint64_t mesh_picture_instances_max = 4096;
inline constexpr std::uint64_t mesh_picture_triangles_max = 4'000'000;

/// Draws a mesh file as its nodes place it: flat shaded with dark edges on transparent black, from above and
/// beside, parallel projection, fitted to the picture; the nearest surface hides the others. RGBA, 8 bits
/// each, rows from the top. Draws `level`, which the file has, or beyond the bounds a coarser one, then
/// nothing more. Pure. `width` and `height` from 1 to mesh_picture_side_max.
byte_vector draw_mesh(const mesh_file& file, std::uint32_t width, std::uint32_t height,
                      std::uint32_t level = 0);

}  // namespace graphite
