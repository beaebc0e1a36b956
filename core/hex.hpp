#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/digest.hpp"

namespace graphite {

inline constexpr char hex_digits[] = "0123456789abcdef";

/// What a hexadecimal digit of either case stands for; -1 for any other character.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Two lower-case digits for each byte, and back. None for other characters, half a byte or more than
/// `bytes_max`.
std::string hex_text(byte_span bytes);
std::optional<byte_vector> bytes_from_hex(std::string_view text, std::size_t bytes_max);

}  // namespace graphite
