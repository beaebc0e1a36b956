#include "core/arena.hpp"

#include <algorithm>

namespace graphite {

void arena::begin_in(std::span<std::byte> block) {
  next_ = reinterpret_cast<std::uintptr_t>(block.data());
  end_ = next_ + block.size();
}

/// A block begins at a page, so that any alignment fits.
void* arena::allocate_in_new_block(std::size_t bytes) {
  const auto usual = blocks_.empty() ? options_.block_bytes
                                     : std::min(2 * blocks_.back().bytes().size(), options_.block_bytes_max);
  const auto left = options_.bytes_max - held_;
  if (bytes > left) return nullptr;
  const auto least = std::max(bytes, std::size_t{1});
  auto block = from_.take(std::max(std::min(usual, left), least));
  // The pool may set aside more than was asked for, and so more than may be held.
  if (!block || block->bytes().size() > left) block = from_.take(least);
  if (!block || block->bytes().size() > left) return nullptr;
  held_ += block->bytes().size();
  begin_in(block->bytes());
  blocks_.push_back(std::move(*block));
  const auto at = next_;
  next_ += bytes;
  return reinterpret_cast<void*>(at);
}

void arena::reset() {
  if (blocks_.empty()) return;
  const auto largest = std::max_element(blocks_.begin(), blocks_.end(), [](const buffer& a, const buffer& b) {
    return a.bytes().size() < b.bytes().size();
  });
  auto kept = std::move(*largest);
  blocks_.clear();
  held_ = kept.bytes().size();
  begin_in(kept.bytes());
  blocks_.push_back(std::move(kept));
}

}  // namespace graphite
