#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace viewer {

/// 0xAARRGGBB, not multiplied by its alpha.
using colour = std::uint32_t;

/// Pixels row by row, without gaps.
struct image {
  image() = default;
  image(int w, int h, colour fill = 0)
      : width(w), height(h), pixels(static_cast<std::size_t>(w) * static_cast<std::size_t>(h), fill) {}

  colour* row(int y) { return pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width); }
  const colour* row(int y) const {
    return pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
  }

  int width = 0, height = 0;
  std::vector<colour> pixels;
};

/// `over` on an opaque `under`. Opaque.
colour blend(colour under, colour over);
/// Shrinks to at most `most` pixels each way by averaging; what is small grows by a whole factor.
image fit(const image& from, int most);

// ---- PNG

/// Larger ones are refused: a damaged header may name any size.
inline constexpr std::uint64_t pixels_max = 64u << 20;

/// Throws std::runtime_error with what is wrong.
image decode_png(std::string_view bytes);
/// Throws std::runtime_error.
void write_png(const char* path, const image& from);

// ---- text

inline constexpr int glyph_width = 6, glyph_height = 8;  ///< with the gaps

/// In a font of 5 by 7 pixels, each `scale` wide and high. What is outside of `to` or ASCII is not drawn, or
/// as `?`.
void draw_text(image& to, int x, int y, std::string_view text, colour ink, int scale = 1);

}  // namespace viewer
