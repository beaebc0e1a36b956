#include "transforms/ktx2_reader.hpp"

#include <fmt/format.h>
#include <squish.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "transforms/image_decode.hpp"

namespace graphite {

namespace {

constexpr std::uint32_t ktx2_layers_max = 2'048;

struct ktx2_level {
  std::uint64_t offset = 0, size = 0;
};

std::uint64_t little(byte_span bytes, std::size_t at, std::size_t width) {
  std::uint64_t out = 0;
  for (std::size_t i = width; i-- > 0;) out = out << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
  return out;
}

std::uint32_t u32_at(byte_span bytes, std::size_t at) {
  return static_cast<std::uint32_t>(little(bytes, at, 4));
}

result<void> read_format(std::uint32_t stored, ktx2_description& out) {
  for (const auto format :
       {texel_format::rgba8, texel_format::bc1, texel_format::bc3, texel_format::bc4, texel_format::bc5}) {
    const auto plain = static_cast<std::uint32_t>(format);
    const auto srgb = format == texel_format::rgba8 ? 43 : plain + 1;
    const bool has_srgb = format != texel_format::bc4 && format != texel_format::bc5;
    if (stored != plain && !(has_srgb && stored == srgb)) continue;
    out.format = format;
    out.srgb = stored != plain;
    return {};
  }
  return fail(errc::unsupported, fmt::format("KTX2: format {}", stored));
}

/// Of a file that has its header.
result<ktx2_level> level_at(byte_span bytes, const ktx2_description& what, std::uint32_t level) {
  const auto entry = ktx2_header_bytes + ktx2_level_entry_bytes * level;
  const ktx2_level out{little(bytes, entry, 8), little(bytes, entry + 8, 8)};
  const auto images = std::uint64_t{std::max(what.layers, 1u)} * what.faces;
  const auto expected =
      images * image_bytes(what.format, side_at(what.width, level), side_at(what.height, level));
  const auto alignment = std::max<std::uint32_t>(block_bytes(what.format), 4);
  if (out.size != expected || little(bytes, entry + 16, 8) != expected)
    return fail(errc::corrupt, fmt::format("KTX2: level {} has {} bytes, not {}", level, out.size, expected));
  if (out.offset % alignment != 0 || out.offset > bytes.size() || out.size > bytes.size() - out.offset)
    return fail(errc::corrupt, fmt::format("KTX2: level {} lies at {}", level, out.offset));
  return out;
}

/// The descriptor is that of the format, and lies in the file.
result<void> check_descriptor(byte_span bytes, const ktx2_description& what) {
  const auto expected = ktx2_descriptor(what.format, what.srgb);
  const std::uint64_t at = u32_at(bytes, 48), size = u32_at(bytes, 52);
  if (size != expected.size() || at > bytes.size() || size > bytes.size() - at ||
      !std::equal(expected.begin(), expected.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at)))
    return fail(errc::corrupt, "KTX2: data format descriptor");
  const std::uint64_t pairs_at = u32_at(bytes, 56), pairs = u32_at(bytes, 60);
  if (pairs_at > bytes.size() || pairs > bytes.size() - pairs_at)
    return fail(errc::corrupt, "KTX2: key/value data");
  return {};
}

void decode_channel(const std::uint8_t* block, std::array<std::uint8_t, 16>& out) {
  const int first = block[0], second = block[1];
  std::array<int, 8> palette{first, second};
  for (int i = 1; i < 7; ++i) {
    if (first > second)
      palette[static_cast<std::size_t>(i) + 1] = ((7 - i) * first + i * second + 3) / 7;
    else
      palette[static_cast<std::size_t>(i) + 1] =
          i < 5 ? ((5 - i) * first + i * second + 2) / 5 : (i == 5 ? 0 : 255);
  }
  std::uint64_t indices = 0;
  for (std::size_t i = 8; i-- > 2;) indices = indices << 8 | block[i];
  for (auto& value : out) {
    value = static_cast<std::uint8_t>(palette[indices & 7]);
    indices >>= 3;
  }
}

std::uint8_t blue_of_normal(std::uint8_t red, std::uint8_t green) {
  const auto x = red / 127.5 - 1, y = green / 127.5 - 1;
  return static_cast<std::uint8_t>(std::sqrt(std::max(0.0, 1 - x * x - y * y)) * 127.5 + 127.5 + 0.5);
}

/// 16 pixels of RGBA.
void decode_block(const std::uint8_t* block, texel_format format, std::uint8_t* out) {
  if (format == texel_format::bc1) return squish::Decompress(out, block, squish::kDxt1);
  if (format == texel_format::bc3) return squish::Decompress(out, block, squish::kDxt5);
  std::array<std::uint8_t, 16> red{}, green{};
  decode_channel(block, red);
  if (format == texel_format::bc5) decode_channel(block + 8, green);
  for (std::size_t i = 0; i < 16; ++i, out += 4) {
    out[0] = red[i];
    out[1] = format == texel_format::bc5 ? green[i] : red[i];
    out[2] = format == texel_format::bc5 ? blue_of_normal(red[i], green[i]) : red[i];
    out[3] = 255;
  }
}

void decode_blocks(const std::uint8_t* from, texel_format format, rgba_image& out) {
  std::array<std::uint8_t, 64> block;
  for (std::uint32_t top = 0; top < out.height; top += 4)
    for (std::uint32_t left = 0; left < out.width; left += 4, from += block_bytes(format)) {
      decode_block(from, format, block.data());
      const auto columns = std::min(4u, out.width - left);
      for (std::uint32_t y = 0; y < std::min(4u, out.height - top); ++y)
        std::memcpy(out.row(top + y) + std::size_t{4} * left, block.data() + std::size_t{16} * y,
                    std::size_t{4} * columns);
    }
}

}  // namespace

result<ktx2_description> read_ktx2(byte_span bytes) {
  static const auto model = ktx2_head({}, {4});
  if (bytes.size() < ktx2_header_bytes || !std::equal(model.begin(), model.begin() + 12, bytes.begin()))
    return fail(errc::corrupt, "not a KTX2 file");
  ktx2_description out;
  GRAPHITE_CHECK(read_format(u32_at(bytes, 12), out));
  out.width = u32_at(bytes, 20);
  out.height = u32_at(bytes, 24);
  out.layers = u32_at(bytes, 32);
  out.faces = u32_at(bytes, 36);
  out.levels = u32_at(bytes, 40);
  if (u32_at(bytes, 28) != 0 || u32_at(bytes, 44) != 0 || little(bytes, 64, 8) != 0 ||
      little(bytes, 72, 8) != 0)
    return fail(errc::unsupported, "KTX2: a volume, or supercompressed");
  if (out.width == 0 || out.height == 0 || (out.faces != 1 && out.faces != 6) || u32_at(bytes, 16) != 1)
    return fail(errc::corrupt, "KTX2: sizes");
  if (out.width > texture_side_max || out.height > texture_side_max || out.layers > ktx2_layers_max)
    return fail(errc::too_large, fmt::format("KTX2: {} × {} × {}", out.width, out.height, out.layers));
  if (out.levels == 0 || out.levels > level_count_of(out.width, out.height) ||
      bytes.size() < ktx2_header_bytes + ktx2_level_entry_bytes * out.levels)
    return fail(errc::corrupt, fmt::format("KTX2: {} levels", out.levels));
  GRAPHITE_CHECK(check_descriptor(bytes, out));
  for (std::uint32_t level = 0; level < out.levels; ++level) GRAPHITE_CHECK(level_at(bytes, out, level));
  return out;
}

result<rgba_image> ktx2_pixels(byte_span bytes, std::uint32_t level, std::uint32_t image,
                               std::uint64_t pixel_bytes_max) {
  GRAPHITE_TRY(const auto what, read_ktx2(bytes));
  if (level >= what.levels || image >= std::max(what.layers, 1u) * what.faces)
    return fail(errc::invalid_argument, fmt::format("no level {} of image {}", level, image));
  GRAPHITE_TRY(const auto place, level_at(bytes, what, level));
  const auto width = side_at(what.width, level), height = side_at(what.height, level);
  GRAPHITE_TRY(auto out, blank_image(width, height, pixel_bytes_max));
  const auto* from = reinterpret_cast<const std::uint8_t*>(bytes.data()) + place.offset +
                     image * image_bytes(what.format, width, height);
  if (what.format == texel_format::rgba8)
    std::memcpy(out.pixels.data(), from, out.pixels.size());
  else
    decode_blocks(from, what.format, out);
  return out;
}

}  // namespace graphite
