/* C++17 over graphite_memory.h, header only: owners for memory; included by graphite.hpp. */
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "graphite.hpp"

namespace graphite {

struct aligned_deleter {
  void operator()(std::byte* memory) const noexcept { graphite_aligned_free(memory); }
};
using aligned_bytes = std::unique_ptr<std::byte[], aligned_deleter>;

/// `size` bytes, not zeroed, that begin on a multiple of `alignment`. Throws `failure`.
inline aligned_bytes make_aligned(std::size_t size, std::size_t alignment) {
  aligned_bytes out(static_cast<std::byte*>(graphite_aligned_alloc(size, alignment)));
  if (out == nullptr) detail::check(graphite_last_result());
  return out;
}

/// Owns a graphite_large_pages. Movable. Whatever fails throws `failure`.
class mapped_pages {
 public:
  mapped_pages() = default;  ///< none
  explicit mapped_pages(std::size_t size) { detail::check(graphite_map_large_pages(size, nullptr, &held_)); }
  mapped_pages(std::size_t size, const graphite_large_pages_options& options) {
    detail::check(graphite_map_large_pages(size, &options, &held_));
  }
  mapped_pages(mapped_pages&& other) noexcept : held_(std::exchange(other.held_, {})) {}
  mapped_pages& operator=(mapped_pages&& other) noexcept {
    mapped_pages(std::move(other)).swap(*this);
    return *this;
  }
  ~mapped_pages() { graphite_unmap_large_pages(&held_); }

  void swap(mapped_pages& other) noexcept { std::swap(held_, other.held_); }
  std::byte* data() const noexcept { return static_cast<std::byte*>(held_.memory); }
  std::size_t size() const noexcept { return held_.size; }
  /// How many of its bytes lie in huge pages now.
  std::size_t backed() const {
    std::size_t out = 0;
    detail::check(graphite_large_pages_backed(&held_, &out));
    return out;
  }
  const graphite_large_pages& get() const noexcept { return held_; }

 private:
  graphite_large_pages held_ = {};
};

}  // namespace graphite
