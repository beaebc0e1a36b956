#include "core/units.hpp"
#include "tests/fuzz/targets.hpp"
#include "transforms/ktx2_reader.hpp"
#include "transforms/preview.hpp"
#include "transforms/tga.hpp"

namespace graphite::fuzz {

namespace {

constexpr std::uint64_t fuzzed_pixel_bytes_max = 1 * MiB;

void expect_whole(const rgba_image& image) {
  GRAPHITE_INVARIANT(image.width > 0 && image.height > 0);
  GRAPHITE_INVARIANT(image.pixels.size() == std::size_t{4} * image.width * image.height);
  GRAPHITE_INVARIANT(image.pixels.size() <= fuzzed_pixel_bytes_max);
}

}  // namespace

bool tga(byte_span bytes) {
  const auto image = decode_tga(bytes, fuzzed_pixel_bytes_max);
  if (!image) return false;
  GRAPHITE_INVARIANT(looks_like_tga(bytes));
  expect_whole(*image);
  return true;
}

bool ktx2(byte_span bytes) {
  const auto what = read_ktx2(bytes);
  if (!what) return false;
  for (std::uint32_t level = 0; level < what->levels; ++level)
    if (const auto image = ktx2_pixels(bytes, level, 0, fuzzed_pixel_bytes_max)) {
      expect_whole(*image);
      GRAPHITE_INVARIANT(image->width == side_at(what->width, level));
    }
  return true;
}

bool preview_answer(byte_span bytes) {
  const auto about = decode_preview_about(as_text(bytes));
  if (!about) return false;
  GRAPHITE_INVARIANT(encode(*about) == as_text(bytes) && !name_of(about->kind).empty());
  return true;
}

}  // namespace graphite::fuzz
