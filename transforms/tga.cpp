#include "transforms/tga.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "transforms/image_decode.hpp"

namespace graphite {

namespace {

constexpr std::size_t tga_header_bytes = 18;
constexpr unsigned tga_mapped = 1, tga_colour = 2, tga_grey = 3, tga_run_length = 8;

using tga_pixel = std::array<std::uint8_t, 4>;

struct tga_header {
  unsigned id_bytes, map_type, type, map_first, map_length, map_bits, width, height, bits, alpha_bits;
  bool run_length, from_right, from_top;
};

/// Nothing where it makes no sense.
std::optional<tga_header> read_header(byte_span bytes) {
  if (bytes.size() < tga_header_bytes) return {};
  const auto u8 = [&](std::size_t at) { return std::to_integer<unsigned>(bytes[at]); };
  const auto u16 = [&](std::size_t at) { return u8(at) | u8(at + 1) << 8; };
  tga_header out{};
  out.id_bytes = u8(0);
  out.map_type = u8(1);
  out.type = u8(2) & ~tga_run_length;
  out.run_length = (u8(2) & tga_run_length) != 0;
  out.map_first = u16(3);
  out.map_length = u16(5);
  out.map_bits = u8(7);
  out.width = u16(12);
  out.height = u16(14);
  out.bits = u8(16);
  out.alpha_bits = u8(17) & 15;
  out.from_right = (u8(17) & 16) != 0;
  out.from_top = (u8(17) & 32) != 0;
  const auto colour = [](unsigned bits) { return bits == 15 || bits == 16 || bits == 24 || bits == 32; };
  if (out.map_type > 1 || (u8(17) & 0xc0) != 0 || out.width == 0 || out.height == 0) return {};
  if (out.map_type == 1 && !colour(out.map_bits)) return {};
  const bool fits = (out.type == tga_mapped && out.map_type == 1 && (out.bits == 8 || out.bits == 16)) ||
                    (out.type == tga_colour && colour(out.bits)) || (out.type == tga_grey && out.bits == 8);
  if (!fits) return {};
  return out;
}

/// A stored colour of `bits`, blue first; `alpha` says whether its alpha bits count.
tga_pixel colour_of(const std::uint8_t* from, unsigned bits, bool alpha) {
  if (bits >= 24) return {from[2], from[1], from[0], bits == 32 && alpha ? from[3] : std::uint8_t{255}};
  const auto word = from[0] | from[1] << 8;
  const auto wide = [](int five) { return static_cast<std::uint8_t>((five & 31) << 3 | (five & 31) >> 2); };
  return {wide(word >> 10), wide(word >> 5), wide(word),
          static_cast<std::uint8_t>(alpha && (word & 0x8000) == 0 ? 0 : 255)};
}

/// Reads stored pixels one after the other and puts them where the header says.
class tga_reader {
 public:
  tga_reader(const tga_header& head, byte_span bytes, rgba_image& out)
      : head_(head),
        at_(reinterpret_cast<const std::uint8_t*>(bytes.data())),
        end_(at_ + bytes.size()),
        out_(out),
        step_((head.bits + 7) / 8) {}

  result<void> read() {
    GRAPHITE_CHECK(skip(tga_header_bytes + head_.id_bytes));
    map_ = at_;
    map_step_ = (head_.map_bits + 7) / 8;
    if (head_.map_type == 1) GRAPHITE_CHECK(skip(std::size_t{head_.map_length} * map_step_));
    return head_.run_length ? read_runs() : read_plain();
  }

 private:
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  result<void> skip(std::size_t count) {
    if (left() < count) return fail(errc::corrupt, "TGA: cut off");
    at_ += count;
    return {};
  }

  result<void> read_plain() {
    for (std::size_t i = 0; i < total_; ++i) GRAPHITE_CHECK(put_next(i, 1));
    return {};
  }

  /// Packets: a count, and one pixel for all or one for each. They may run on over the end of a row.
  result<void> read_runs() {
    for (std::size_t i = 0; i < total_;) {
      if (left() < 1) return fail(errc::corrupt, "TGA: cut off");
      const auto packet = *at_++;
      const auto count = std::min<std::size_t>((packet & 127u) + 1, total_ - i);
      if ((packet & 128) != 0)
        GRAPHITE_CHECK(put_next(i, count));
      else
        for (std::size_t k = 0; k < count; ++k) GRAPHITE_CHECK(put_next(i + k, 1));
      i += count;
    }
    return {};
  }

  result<void> put_next(std::size_t index, std::size_t count) {
    const auto* from = at_;
    GRAPHITE_CHECK(skip(step_));
    GRAPHITE_TRY(const auto pixel, pixel_at(from));
    for (std::size_t i = index; i < index + count; ++i) {
      const auto row = static_cast<std::uint32_t>(i / out_.width);
      const auto column = static_cast<std::uint32_t>(i % out_.width);
      const auto x = head_.from_right ? out_.width - 1 - column : column;
      std::memcpy(out_.row(head_.from_top ? row : out_.height - 1 - row) + std::size_t{4} * x, pixel.data(),
                  4);
    }
    return {};
  }

  result<tga_pixel> pixel_at(const std::uint8_t* from) const {
    if (head_.type == tga_grey) return tga_pixel{*from, *from, *from, 255};
    if (head_.type == tga_colour) return colour_of(from, head_.bits, head_.alpha_bits > 0);
    const unsigned index = from[0] | (step_ == 2 ? from[1] << 8 : 0);
    if (index < head_.map_first || index - head_.map_first >= head_.map_length)
      return fail(errc::corrupt, fmt::format("TGA: colour {} is not in the map", index));
    return colour_of(map_ + std::size_t{index - head_.map_first} * map_step_, head_.map_bits,
                     head_.alpha_bits > 0 || head_.map_bits == 32);
  }

  tga_header head_;
  const std::uint8_t *at_, *end_, *map_ = nullptr;
  rgba_image& out_;
  std::size_t step_, map_step_ = 0;
  std::size_t total_ = std::size_t{out_.width} * out_.height;
};

}  // namespace

bool looks_like_tga(byte_span bytes) { return read_header(bytes).has_value(); }

result<rgba_image> decode_tga(byte_span bytes, std::uint64_t pixel_bytes_max) {
  const auto head = read_header(bytes);
  if (!head) return fail(errc::corrupt, "TGA: header");
  // A packet of at least two bytes has at most 128 pixels.
  const auto pixels = std::uint64_t{head->width} * head->height;
  const auto least = head->run_length ? pixels / 128 * 2 : pixels * ((head->bits + 7) / 8);
  const bool within = head->width <= texture_side_max && head->height <= texture_side_max;
  if (within && bytes.size() < least) return fail(errc::corrupt, "TGA: cut off");
  GRAPHITE_TRY(auto out, blank_image(head->width, head->height, pixel_bytes_max));
  GRAPHITE_CHECK(tga_reader(*head, bytes, out).read());
  return out;
}

}  // namespace graphite
