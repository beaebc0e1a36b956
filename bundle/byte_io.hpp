#pragma once

#include <bit>
#include <concepts>
#include <cstring>

#include "core/digest.hpp"
#include "core/ids.hpp"

/// \file Little-endian writing and bounded reading: the only way this folder touches encoded numbers.

namespace graphite {

static_assert(std::endian::native == std::endian::little, "numbers are stored as they lie in memory");

/// Appends to a byte vector it does not own.
class byte_writer {
 public:
  explicit byte_writer(byte_vector& out) : out_(out) {}

  template <std::integral T>
  void number(T value) {
    bytes({reinterpret_cast<const std::byte*>(&value), sizeof value});
  }
  void bytes(byte_span more) { out_.insert(out_.end(), more.begin(), more.end()); }
  void id(const digest& value) { bytes(as_bytes(value)); }
  void id(const uuid& value) { bytes(std::as_bytes(std::span(value.bytes))); }
  void zeros(std::size_t count) { out_.resize(out_.size() + count); }
  /// Zeros up to `size` bytes in all; `size` is not below what is there.
  void pad_to(std::size_t size) { out_.resize(size); }

 private:
  byte_vector& out_;
};

/// Reads from the front of a span. A read past the end gives zeros and makes ok() false for good, so that
/// a decoder may read a whole header and check once; sizes read are to be checked before they are used.
class byte_reader {
 public:
  explicit byte_reader(byte_span in) : in_(in) {}

  template <std::integral T>
  T number() {
    T value{};
    if (const auto from = bytes(sizeof value); ok_) std::memcpy(&value, from.data(), sizeof value);
    return value;
  }
  byte_span bytes(std::size_t count) {
    if (count > in_.size()) ok_ = false;
    if (!ok_) return {};
    const auto out = in_.first(count);
    in_ = in_.subspan(count);
    return out;
  }
  digest id() {
    digest value;
    if (const auto from = bytes(value.bytes.size()); ok_)
      std::memcpy(value.bytes.data(), from.data(), from.size());
    return value;
  }
  uuid unique_id() {
    uuid value;
    if (const auto from = bytes(value.bytes.size()); ok_)
      std::memcpy(value.bytes.data(), from.data(), from.size());
    return value;
  }
  /// True where the next `count` bytes were there and all zero.
  bool zeros(std::size_t count) {
    const auto from = bytes(count);
    for (const auto byte : from) ok_ = ok_ && byte == std::byte{0};
    return ok_;
  }

  bool ok() const { return ok_; }
  /// Everything was read, and nothing past the end.
  bool done() const { return ok_ && in_.empty(); }
  byte_span rest() const { return in_; }

 private:
  byte_span in_;
  bool ok_ = true;
};

/// `value` rounded up to a multiple of `unit`, a power of two.
constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) & ~(unit - 1);
}

}  // namespace graphite
