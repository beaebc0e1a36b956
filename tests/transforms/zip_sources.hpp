#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

/// \file ZIP archives made in code, also such as lie.

namespace graphite::test {

/// What an entry says of itself; the defaults tell the truth.
struct packed_file {
  std::string name, bytes;
  bool deflate = true;
  std::uint32_t mode = 0100644, flags = 0x800, method_lie = 0;
  std::int64_t size_lie = -1, crc_lie = -1, place_lie = -1;
  std::string local_name = name;
};

inline std::string deflated(const std::string& bytes) {
  std::string out(compressBound(bytes.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline void put_number(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i);
}

inline std::string zip_of(const std::vector<packed_file>& files, const std::string& comment = "") {
  std::string out, directory;
  for (const auto& file : files) {
    const auto packed = file.deflate ? deflated(file.bytes) : file.bytes;
    const auto method = file.method_lie != 0 ? file.method_lie : file.deflate ? 8 : 0;
    const auto crc = file.crc_lie >= 0
                         ? static_cast<std::uint64_t>(file.crc_lie)
                         : crc32_z(0, reinterpret_cast<const Bytef*>(file.bytes.data()), file.bytes.size());
    const auto size = file.size_lie >= 0 ? static_cast<std::uint64_t>(file.size_lie) : file.bytes.size();
    const auto place = file.place_lie >= 0 ? static_cast<std::uint64_t>(file.place_lie) : out.size();
    std::string common;
    for (const auto& [value, bytes] : std::initializer_list<std::pair<std::uint64_t, int>>{
             {20, 2}, {file.flags, 2}, {method, 2}, {0, 4}, {crc, 4}, {packed.size(), 4}, {size, 4}})
      put_number(common, value, bytes);
    put_number(directory, 0x02014b50, 4);
    put_number(directory, 3 << 8 | 20, 2);
    directory += common;
    put_number(directory, file.name.size(), 2);
    put_number(directory, 0, 8);
    put_number(directory, std::uint64_t{file.mode} << 16, 4);
    put_number(directory, place, 4);
    directory += file.name;
    put_number(out, 0x04034b50, 4);
    out += common;
    put_number(out, file.local_name.size(), 2);
    put_number(out, 0, 2);
    out += file.local_name + packed;
  }
  const auto begin = out.size();
  out += directory;
  put_number(out, 0x06054b50, 4);
  put_number(out, 0, 4);
  put_number(out, files.size(), 2);
  put_number(out, files.size(), 2);
  put_number(out, directory.size(), 4);
  put_number(out, begin, 4);
  put_number(out, comment.size(), 2);
  return out + comment;
}

}  // namespace graphite::test
