#include "transforms/ktx2.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <string_view>

#include "core/error.hpp"

namespace graphite {

namespace {

constexpr std::array<std::uint8_t, 12> ktx2_identifier{0xab, 'K',  'T',  'X',  ' ',  '2',
                                                       '0',  0xbb, '\r', '\n', 0x1a, '\n'};

class little_endian {
 public:
  void u8(std::uint8_t value) { bytes.push_back(std::byte{value}); }
  void u16(std::uint32_t value) {
    u8(static_cast<std::uint8_t>(value)), u8(static_cast<std::uint8_t>(value >> 8));
  }
  void u32(std::uint32_t value) { u16(value & 0xffff), u16(value >> 16); }
  void u64(std::uint64_t value) {
    u32(static_cast<std::uint32_t>(value));
    u32(static_cast<std::uint32_t>(value >> 32));
  }
  void align(std::size_t to) { bytes.resize((bytes.size() + to - 1) / to * to); }
  void append(const byte_vector& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

  byte_vector bytes;
};

/// One sample of a basic descriptor block: which bits are which channel.
struct df_sample {
  std::uint32_t bit_offset, bits, channel, upper;
};

constexpr std::uint32_t df_alpha = 15, df_linear = 0x10;

std::uint8_t df_model(texel_format format) {
  switch (format) {
    case texel_format::bc1:
      return 128;
    case texel_format::bc3:
      return 130;
    case texel_format::bc4:
      return 131;
    case texel_format::bc5:
      return 132;
    case texel_format::rgba8:
      break;
  }
  return 1;  // RGBSDA
}

/// Alpha is linear, which needs saying where the transfer function is not.
std::vector<df_sample> df_samples(texel_format format, bool srgb) {
  constexpr auto all = 0xffffffffu;
  const auto alpha = df_alpha | (srgb ? df_linear : 0);
  switch (format) {
    case texel_format::bc1:
    case texel_format::bc4:
      return {{0, 64, 0, all}};
    case texel_format::bc3:
      return {{0, 64, alpha, all}, {64, 64, 0, all}};
    case texel_format::bc5:
      return {{0, 64, 0, all}, {64, 64, 1, all}};
    case texel_format::rgba8:
      break;
  }
  return {{0, 8, 0, 255}, {8, 8, 1, 255}, {16, 8, 2, 255}, {24, 8, alpha, 255}};
}

/// Ascending by key, each padded to four bytes; texts end in NUL.
byte_vector key_values(texel_format format) {
  using namespace std::string_view_literals;
  little_endian out;
  const auto add = [&](std::string_view pair) {
    out.u32(static_cast<std::uint32_t>(pair.size()));
    for (const char c : pair) out.u8(static_cast<std::uint8_t>(c));
    out.align(4);
  };
  add("KTXorientation\0rd\0"sv);
  if (format == texel_format::bc4) add("KTXswizzle\0rrr1\0"sv);
  add("KTXwriter\0graphite\0"sv);
  return std::move(out.bytes);
}

std::uint32_t vk_format(const ktx2_description& what) {
  const auto plain = static_cast<std::uint32_t>(what.format);
  if (!what.srgb) return plain;
  return what.format == texel_format::rgba8 ? 43 : plain + 1;
}

}  // namespace

std::uint32_t block_bytes(texel_format format) {
  switch (format) {
    case texel_format::bc1:
    case texel_format::bc4:
      return 8;
    case texel_format::bc3:
    case texel_format::bc5:
      return 16;
    case texel_format::rgba8:
      break;
  }
  return 4;
}

std::uint64_t image_bytes(texel_format format, std::uint32_t width, std::uint32_t height) {
  const std::uint64_t side = format == texel_format::rgba8 ? 1 : 4;
  return (width + side - 1) / side * ((height + side - 1) / side) * block_bytes(format);
}

std::uint32_t level_count_of(std::uint32_t width, std::uint32_t height) {
  return static_cast<std::uint32_t>(std::bit_width(std::max(width, height)));
}

byte_vector ktx2_descriptor(texel_format format, bool srgb) {
  const auto samples = df_samples(format, srgb);
  const auto size = static_cast<std::uint32_t>(24 + 16 * samples.size());
  const std::uint8_t last = format == texel_format::rgba8 ? 0 : 3;  // block sides less one
  little_endian out;
  out.u32(size + 4);
  out.u32(0);  // vendor Khronos, basic format
  out.u16(2);  // version 1.3
  out.u16(size);
  out.u8(df_model(format));
  out.u8(1);  // primaries of BT.709
  out.u8(srgb ? 2 : 1);
  out.u8(0);  // straight alpha
  out.u8(last), out.u8(last), out.u8(0), out.u8(0);
  out.u32(block_bytes(format));  // of plane 0, none of the others
  out.u32(0);
  for (const auto& sample : samples) {
    out.u16(sample.bit_offset);
    out.u8(static_cast<std::uint8_t>(sample.bits - 1));
    out.u8(static_cast<std::uint8_t>(sample.channel));
    out.u32(0);  // at the block's origin
    out.u32(0);
    out.u32(sample.upper);
  }
  return std::move(out.bytes);
}

byte_vector ktx2_head(const ktx2_description& what, const std::vector<std::uint64_t>& level_bytes) {
  GRAPHITE_INVARIANT(level_bytes.size() == what.levels && what.levels > 0);
  const auto descriptor = ktx2_descriptor(what.format, what.srgb);
  const auto pairs = key_values(what.format);
  const auto descriptor_at = ktx2_header_bytes + ktx2_level_entry_bytes * level_bytes.size();
  const auto pairs_at = descriptor_at + descriptor.size();
  const std::size_t alignment = std::max<std::uint32_t>(block_bytes(what.format), 4);

  little_endian out;
  for (const auto byte : ktx2_identifier) out.u8(byte);
  out.u32(vk_format(what));
  out.u32(1);  // size of the type that would have to be swapped
  out.u32(what.width), out.u32(what.height), out.u32(0);
  out.u32(what.layers), out.u32(what.faces), out.u32(what.levels);
  out.u32(0);  // no supercompression, and no global data of it
  out.u32(static_cast<std::uint32_t>(descriptor_at)), out.u32(static_cast<std::uint32_t>(descriptor.size()));
  out.u32(static_cast<std::uint32_t>(pairs_at)), out.u32(static_cast<std::uint32_t>(pairs.size()));
  out.u64(0), out.u64(0);
  auto at = (pairs_at + pairs.size() + alignment - 1) / alignment * alignment;
  at = std::accumulate(level_bytes.begin(), level_bytes.end(), at);
  for (const auto size : level_bytes) {
    GRAPHITE_INVARIANT(size % alignment == 0);
    at -= size;
    out.u64(at), out.u64(size), out.u64(size);
  }
  out.append(descriptor);
  out.append(pairs);
  out.align(alignment);
  return std::move(out.bytes);
}

}  // namespace graphite
