#include <zlib.h>

#include "tests/transforms/image_sources.hpp"
#include "tests/worker/sources.hpp"

namespace graphite::test {

namespace {

std::string text(const byte_vector& bytes) { return std::string(as_text(bytes)); }

source_file picture(const std::string& path, std::string bytes, given_options options = {}) {
  return {.transform = "texture", .path = path, .bytes = std::move(bytes), .options = std::move(options)};
}

std::string big_endian(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}

std::string checksum(std::string_view bytes) {
  return big_endian(
      static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size())));
}

std::string png_chunk(const std::string& kind, const std::string& body) {
  return big_endian(static_cast<std::uint32_t>(body.size())) + kind + body + checksum(kind + body);
}

/// The checksum of every chunk that is whole.
std::string mend_png(std::string bytes) {
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    std::uint32_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(bytes[at + i]);
    if (size > bytes.size() - at - 12) break;
    bytes.replace(at + 8 + size, 4, checksum(std::string_view(bytes).substr(at + 4, size + 4)));
    at += 12 + std::size_t{size};
  }
  return bytes;
}

std::string zeros_deflated(std::size_t count) {
  const std::string zeros(count, '\0');
  auto size = compressBound(zeros.size());
  std::string out(size, '\0');
  compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(zeros.data()), count,
            9);
  out.resize(size);
  return out;
}

std::string png_signature() { return "\x89PNG\r\n\x1a\n"; }

std::string png_header(std::uint32_t width, std::uint32_t height, char depth, char colour,
                       char interlaced = 0) {
  return png_chunk(
      "IHDR", big_endian(width) + big_endian(height) + depth + colour + std::string(2, '\0') + interlaced);
}

/// A PNG of 8-bit greys that are all zero; `more` stands before the data.
std::string grey_png(std::uint32_t side, const std::string& more = "") {
  return png_signature() + png_header(side, side, 8, 0) + more +
         png_chunk("IDAT", zeros_deflated((std::size_t{side} + 1) * side)) + png_chunk("IEND", "");
}

std::string raw_rows(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += static_cast<char>(i * 37 + i / 16);
  return out;
}

std::vector<std::uint8_t> raw_bytes(std::size_t count) {
  const auto rows = raw_rows(count);
  return {rows.begin(), rows.end()};
}

std::string tga(int type, int bits, unsigned width, unsigned height, const std::string& body, int map = 0) {
  const auto two = [](unsigned value) {
    return std::string{static_cast<char>(value), static_cast<char>(value >> 8)};
  };
  return std::string{'\0', static_cast<char>(map > 0), static_cast<char>(type)} + two(0) +
         two(static_cast<unsigned>(map)) + static_cast<char>(map > 0 ? 24 : 0) + two(0) + two(0) +
         two(width) + two(height) + static_cast<char>(bits) + '\x20' + body;
}

/// A start-of-frame that says 65,535 by 65,535.
std::string huge_jpeg() {
  auto out = text(jpeg_of(some_image(16, 16), TJSAMP_444));
  const auto frame = out.find("\xff\xc0");
  return out.replace(frame + 5, 4, "\xff\xff\xff\xff");
}

}  // namespace

std::vector<source_format> picture_formats() {
  const auto small = some_image(12, 9), clear = some_image(16, 16, true);
  std::vector<source_file> pngs{
      picture("img/a.png", text(png_of(clear))),
      picture("img/b.png",
              text(png_of(13, 7, {.colour = 3, .depth = 4, .transparent = true}, raw_bytes(7 * 7)))),
      picture("img/c.png",
              text(png_of(9, 9, {.colour = 0, .depth = 16, .interlaced = true}, raw_bytes(18 * 9)))),
      picture("img/d_n.png",
              text(png_of(8, 8, {.colour = 2, .depth = 8, .transparent = true}, raw_bytes(192)))),
      picture("img/e.png", text(png_of(8, 8, {.colour = 4, .depth = 8}, raw_bytes(128))),
              {{"format", std::string("rgba8")}}),
      picture("img/f.png", grey_png(8, png_chunk("zTXt", std::string("t\0\0", 3) + zeros_deflated(100)) +
                                           png_chunk("gAMA", big_endian(45'455))))};
  std::vector<source_file> jpegs{picture("img/a.jpg", text(jpeg_of(clear, TJSAMP_444))),
                                 picture("img/b.jpg", text(jpeg_of(small, TJSAMP_420))),
                                 picture("img/c.jpg", text(jpeg_of(small, TJSAMP_422, TJFLAG_PROGRESSIVE))),
                                 picture("img/d.jpeg", text(jpeg_of(small, TJSAMP_GRAY)))};
  std::vector<source_file> tgas{
      picture("img/a.tga", tga(2, 24, 8, 8, raw_rows(192))),
      picture("img/b.tga", tga(3, 8, 7, 5, raw_rows(35))),
      picture("img/c.tga", tga(10, 32, 16, 4,
                               "\x8f"
                               "abcd\x0f" +
                                   raw_rows(64) +
                                   "\x9f"
                                   "dcba")),
      picture("img/d.tga",
              tga(1, 8, 4, 4, raw_rows(12) + std::string("\0\1\2\3\3\2\1\0\0\1\2\3\3\2\1\0", 16), 4)),
      picture("img/e.tga", tga(11, 8, 16, 16,
                               repeated("\x8f"
                                        "a\x0f" +
                                            std::string("0123456789abcdef"),
                                        8)))};
  return {{"png", std::move(pngs), mend_png}, {"jpeg", std::move(jpegs)}, {"tga", std::move(tgas)}};
}

std::vector<source_file> larger_pictures() {
  const auto image = text(png_of(some_image(123, 77, true)));
  return {
      picture("img/large.png", image), picture("img/large_n.png", image),
      picture("img/box.png", image, {{"mip_filter", std::string("box")}, {"quality", std::string("fast")}}),
      picture("img/plain.png", image, {{"format", std::string("rgba8")}, {"alpha_coverage", 0.5}})};
}

std::vector<trap> picture_traps() {
  const auto bomb = zeros_deflated(64u << 20);
  const auto huge = png_signature() + png_header(65'535, 65'535, 8, 6) +
                    png_chunk("IDAT", zeros_deflated(1 << 20)) + png_chunk("IEND", "");
  std::string many_chunks;
  for (int i = 0; i < 20'000; ++i) many_chunks += png_chunk("tEXt", std::string("k\0v", 3));
  return {
      {"png_of_65535", picture("a.png", huge)},
      {"png_of_2_31",
       picture("a.png", png_signature() + png_header(0x7fffffff, 0x7fffffff, 16, 6) + png_chunk("IEND", ""))},
      {"png_of_no_width", picture("a.png", png_signature() + png_header(0, 5, 8, 0) + png_chunk("IEND", ""))},
      {"png_of_one_row",
       picture("a.png", png_signature() + png_header(16'384, 1, 1, 3) + png_chunk("IEND", ""))},
      {"png_of_16384", picture("a.png", grey_png(16'384))},
      {"png_with_a_huge_text",
       picture("a.png", grey_png(8, png_chunk("zTXt", std::string("t\0\0", 3) + bomb)))},
      {"png_with_a_huge_profile",
       picture("a.png", grey_png(8, png_chunk("iCCP", std::string("p\0\0", 3) + bomb)))},
      {"png_with_a_huge_itxt",
       picture("a.png", grey_png(8, png_chunk("iTXt", std::string("p\0\1\0\0\0", 6) + bomb)))},
      {"png_with_more_data_than_rows",
       picture("a.png",
               png_signature() + png_header(8, 8, 8, 0) + png_chunk("IDAT", bomb) + png_chunk("IEND", "")),
       false},
      {"png_with_many_chunks", picture("a.png", grey_png(8, many_chunks))},
      {"jpeg_of_65535", picture("a.jpg", huge_jpeg())},
      {"jpeg_without_an_end", picture("a.jpg", "\xff\xd8" + std::string(1 << 20, '\xff'))},
      {"tga_of_65535", picture("a.tga", tga(2, 32, 65'535, 65'535, "abcd"))},
      {"tga_runs_of_65535", picture("a.tga", tga(10, 32, 65'535, 65'535,
                                                 repeated("\xff"
                                                          "abcd",
                                                          1000)))},
      {"tga_runs_of_16384", picture("a.tga", tga(10, 32, 16'384, 16'384,
                                                 repeated("\xff"
                                                          "abcd",
                                                          16'384 * 128)))},
      {"tga_of_no_height", picture("a.tga", tga(2, 24, 8, 0, "abc"))},
  };
}

}  // namespace graphite::test
