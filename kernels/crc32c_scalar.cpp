#include <array>
#include <bit>
#include <cstring>

#include "kernels/crc32c.hpp"
#include "kernels/crc32c_polynomial.hpp"

namespace graphite::scalar {

namespace {

static_assert(std::endian::native == std::endian::little);

using byte_table = std::array<std::uint32_t, 256>;

/// tables[k][b]: what the byte b leaves after k more bytes of zeros.
constexpr std::array<byte_table, 8> make_tables() {
  std::array<byte_table, 8> out{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    auto value = byte;
    for (int bit = 0; bit < 8; ++bit) value = castagnoli::times_x(value);
    out[0][byte] = value;
  }
  for (std::size_t k = 1; k < out.size(); ++k)
    for (std::size_t byte = 0; byte < 256; ++byte)
      out[k][byte] = (out[k - 1][byte] >> 8) ^ out[0][out[k - 1][byte] & 0xff];
  return out;
}

constexpr auto tables = make_tables();

}  // namespace

std::uint32_t crc32c(byte_span bytes, std::uint32_t previous) {
  auto crc = ~previous;
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  auto left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    word ^= crc;
    crc = tables[7][word & 0xff] ^ tables[6][word >> 8 & 0xff] ^ tables[5][word >> 16 & 0xff] ^
          tables[4][word >> 24 & 0xff] ^ tables[3][word >> 32 & 0xff] ^ tables[2][word >> 40 & 0xff] ^
          tables[1][word >> 48 & 0xff] ^ tables[0][word >> 56];
  }
  for (; left > 0; --left, ++at) crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xff];
  return ~crc;
}

}  // namespace graphite::scalar
