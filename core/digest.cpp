#include "core/digest.hpp"

#include "core/hex.hpp"

namespace graphite {

std::string to_hex(const digest& value) {
  std::string out;
  out.reserve(64);
  for (auto byte : value.bytes) {
    out.push_back(hex_digits[byte >> 4]);
    out.push_back(hex_digits[byte & 15]);
  }
  return out;
}

std::optional<digest> digest_from_hex(std::string_view text) {
  digest out;
  if (text.size() != 2 * out.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < out.bytes.size(); ++i) {
    const int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return out;
}

}  // namespace graphite
