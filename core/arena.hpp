#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "core/ports/buffers.hpp"

namespace graphite {

struct arena_options {
  std::size_t block_bytes = 64 * 1024;        ///< of the first block; each further one is twice as large, …
  std::size_t block_bytes_max = 1024 * 1024;  ///< … up to this, or as large as a single allocation
  std::size_t bytes_max = std::size_t{64} << 20;
};

/// Memory for what dies together, such as one decoded asset: allocating moves a pointer, nothing is freed
/// alone and nothing is destroyed (D. Hanson, "Fast Allocation and Deallocation of Memory Based on Object
/// Lifetimes", Software: Practice and Experience 20(1), 1990). Blocks are a pool's buffers. One thread.
class arena {
 public:
  explicit arena(buffers& from, arena_options options = {}) : from_(from), options_(options) {}
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;

  /// `bytes` bytes, uninitialised, until reset(); `alignment` is a power of two, a page at most. Null where
  /// the bound is reached or the pool gives nothing more; what there is stays valid. Some nanoseconds.
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    const auto at = (next_ + alignment - 1) & ~(alignment - 1);
    if (end_ == 0 || at < next_ || at > end_ || end_ - at < bytes) return allocate_in_new_block(bytes);
    next_ = at + bytes;
    return reinterpret_cast<void*>(at);
  }

  /// `count` values, uninitialised; empty where there is no memory.
  template <class T>
  std::span<T> allocate_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>, "nothing is destroyed");
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) return {};
    auto* const memory = allocate(count * sizeof(T), alignof(T));
    return memory == nullptr ? std::span<T>() : std::span<T>(static_cast<T*>(memory), count);
  }

  /// All memory is free again. The largest block is kept for what comes next.
  void reset();

  std::size_t bytes_held() const { return held_; }

 private:
  void* allocate_in_new_block(std::size_t bytes);
  void begin_in(std::span<std::byte> block);

  buffers& from_;
  arena_options options_;
  std::vector<buffer> blocks_;
  std::size_t held_ = 0;
  std::uintptr_t next_ = 0, end_ = 0;
};

}  // namespace graphite
