#include <array>

#include "transforms/mesh_gltf_data.hpp"

namespace graphite {

namespace {

int uri_hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

constexpr std::array<std::int8_t, 256> base64_values() {
  std::array<std::int8_t, 256> out{};
  for (auto& value : out) value = -1;
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < digits.size(); ++i)
    out[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
  return out;
}

}  // namespace

std::string percent_decoded_uri(std::string_view uri) {
  std::string out;
  for (std::size_t i = 0; i < uri.size(); ++i) {
    if (uri[i] == '%' && i + 2 < uri.size()) {
      const int high = uri_hex_digit(uri[i + 1]), low = uri_hex_digit(uri[i + 2]);
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high << 4 | low));
        i += 2;
        continue;
      }
    }
    out.push_back(uri[i]);
  }
  return out;
}

result<byte_vector> decode_data_uri(std::string_view uri) {
  static constexpr auto values = base64_values();
  const auto comma = uri.find(',');
  if (comma == std::string_view::npos || !uri.substr(0, comma).ends_with(";base64"))
    return fail(errc::corrupt, "a data URI that is not base64");
  uri.remove_prefix(comma + 1);
  while (!uri.empty() && uri.back() == '=') uri.remove_suffix(1);
  if (uri.size() % 4 == 1) return fail(errc::corrupt, "base64 of a wrong length");
  byte_vector out;
  out.reserve(uri.size() / 4 * 3 + 3);
  std::uint32_t bits = 0, held = 0;
  for (const char c : uri) {
    const auto value = values[static_cast<unsigned char>(c)];
    if (value < 0) return fail(errc::corrupt, "a byte that is not base64");
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out.push_back(static_cast<std::byte>(bits >> held));
  }
  return out;
}

}  // namespace graphite
