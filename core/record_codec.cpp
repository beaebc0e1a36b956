#include "core/record_codec.hpp"

namespace graphite {

std::uint64_t record_reader::long_number() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto next = byte();
    const auto bits = static_cast<std::uint64_t>(next & 0x7f);
    if (!ok_ || (shift == 63 && bits > 1) || (shift != 0 && next == 0)) break;
    value |= bits << shift;
    if ((next & 0x80) == 0) return value;
  }
  fault();
  return 0;
}

std::uint64_t record_reader::number_up_to(std::uint64_t max) {
  const auto value = number();
  if (value <= max) return value;
  fault();
  return 0;
}

std::int64_t record_reader::signed_number() {
  const auto value = number();
  return static_cast<std::int64_t>(value >> 1 ^ (~(value & 1) + 1));
}

std::string_view record_reader::bytes(std::size_t max) {
  const auto length = number_up_to(max);
  if (!ok_ || length > rest_.size()) return fault(), std::string_view{};
  const auto value = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return value;
}

digest record_reader::digest_value() {
  digest value;
  if (rest_.size() < value.bytes.size()) return fault(), digest{};
  std::copy_n(rest_.begin(), value.bytes.size(), reinterpret_cast<char*>(value.bytes.data()));
  rest_.remove_prefix(value.bytes.size());
  return value;
}

content_ref record_reader::content() {
  content_ref value;
  value.id = digest_value();
  value.size = number();
  return value;
}

std::vector<content_ref> record_reader::contents(std::size_t max) {
  std::vector<content_ref> out;
  const auto count = number_up_to(max);
  for (std::uint64_t i = 0; ok() && i < count; ++i) out.push_back(content());
  return out;
}

}  // namespace graphite
