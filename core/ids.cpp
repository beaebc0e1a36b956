#include "core/ids.hpp"

#include "core/hex.hpp"

namespace graphite {

static bool dash_before(std::size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

std::string to_string(const uuid& value) {
  std::string out;
  out.reserve(36);
  for (std::size_t i = 0; i < value.bytes.size(); ++i) {
    if (dash_before(i)) out.push_back('-');
    out.push_back(hex_digits[value.bytes[i] >> 4]);
    out.push_back(hex_digits[value.bytes[i] & 15]);
  }
  return out;
}

std::optional<uuid> uuid_from_string(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  uuid out;
  std::size_t at = 0;
  for (std::size_t i = 0; i < out.bytes.size(); ++i) {
    if (dash_before(i) && text[at++] != '-') return std::nullopt;
    const int high = hex_value(text[at]), low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    at += 2;
  }
  if (to_string(out) != text) return std::nullopt;  // upper case
  return out;
}

}  // namespace graphite
