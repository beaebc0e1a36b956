#include "core/digest.hpp"

#include "core/hex.hpp"

namespace graphite {

std::string to_hex(const digest& value) { return hex_text(as_bytes(value)); }

std::optional<digest> digest_from_hex(std::string_view text) {
  digest out;
  const auto bytes = bytes_from_hex(text, out.bytes.size());
  if (!bytes || bytes->size() != out.bytes.size()) return std::nullopt;
  std::memcpy(out.bytes.data(), bytes->data(), bytes->size());
  return out;
}

}  // namespace graphite
