#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/content.hpp"
#include "core/units.hpp"

namespace graphite {

/// Appends numbers (LEB128), byte strings (length first) and digests to a text. Pure.
class record_writer {
 public:
  void byte(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) byte(static_cast<std::uint8_t>(value | 0x80));
    byte(static_cast<std::uint8_t>(value));
  }
  /// Signed, by zigzag.
  void signed_number(std::int64_t value) {
    number(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
  }
  void bytes(std::string_view value) {
    number(value.size());
    out_.append(value);
  }
  void digest_value(const digest& value) { out_.append(as_text(as_bytes(value))); }
  void content(const content_ref& value) {
    digest_value(value.id);
    number(value.size);
  }
  void contents(const std::vector<content_ref>& values) {
    number(values.size());
    for (const auto& value : values) content(value);
  }
  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// Reads what record_writer wrote. After the first fault every read gives zero and ok() is false. Refuses
/// numbers in more bytes than needed, so that one value has one encoding.
class record_reader {
 public:
  explicit record_reader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return fault(), std::uint8_t{0};
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::uint64_t number() {
    if (rest_.empty() || (static_cast<std::uint8_t>(rest_.front()) & 0x80) != 0) return long_number();
    return byte();
  }
  /// At most `max`, else a fault.
  std::uint64_t number_up_to(std::uint64_t max);
  std::int64_t signed_number();
  std::string_view bytes(std::size_t max);
  digest digest_value();
  content_ref content();
  std::vector<content_ref> contents(std::size_t max);
  void fault() {
    ok_ = false;
    rest_ = {};
  }

 private:
  std::uint64_t long_number();

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace graphite
