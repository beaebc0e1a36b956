#include "core/hex.hpp"

namespace graphite {

std::string hex_text(byte_span bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (const auto one : bytes) {
    out.push_back(hex_digits[static_cast<unsigned>(one) >> 4]);
    out.push_back(hex_digits[static_cast<unsigned>(one) & 15]);
  }
  return out;
}

std::optional<byte_vector> bytes_from_hex(std::string_view text, std::size_t bytes_max) {
  if (text.size() % 2 != 0 || text.size() / 2 > bytes_max) return std::nullopt;
  byte_vector out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]), low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<std::byte>(high << 4 | low));
  }
  return out;
}

}  // namespace graphite
