#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace graphite {

using byte_span = std::span<const std::byte>;
using byte_vector = std::vector<std::byte>;

inline byte_span as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(byte_span bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A SHA-256 value. Ordered by bytes. The zero digest means "none".
struct digest {
  std::array<std::uint8_t, 32> bytes{};

  auto operator<=>(const digest&) const = default;
  bool is_zero() const { return *this == digest{}; }
};

/// 64 lower-case hexadecimal characters.
std::string to_hex(const digest& value);
/// The inverse of to_hex; nothing unless `text` is exactly 64 hexadecimal characters.
std::optional<digest> digest_from_hex(std::string_view text);

inline byte_span as_bytes(const digest& value) {
  return {reinterpret_cast<const std::byte*>(value.bytes.data()), value.bytes.size()};
}

}  // namespace graphite

template <>
struct std::hash<graphite::digest> {
  std::size_t operator()(const graphite::digest& value) const noexcept {
    std::size_t out;  // the value is uniform already
    std::memcpy(&out, value.bytes.data(), sizeof out);
    return out;
  }
};
