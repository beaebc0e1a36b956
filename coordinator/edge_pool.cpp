#include "coordinator/edge_pool.hpp"

#include <algorithm>
#include <bit>
#include <functional>

#include "core/error.hpp"

namespace graphite {

std::uint32_t edge_pool::take(std::uint32_t capacity) {
  auto& free = free_[static_cast<std::size_t>(std::countr_zero(capacity))];
  if (!free.empty()) {
    const auto offset = free.back();
    free.pop_back();
    return offset;
  }
  const auto offset = words_.size();
  GRAPHITE_INVARIANT(offset + capacity <= 0xffffffffu);
  words_.resize(offset + capacity);
  return static_cast<std::uint32_t>(offset);
}

void edge_pool::give(std::uint32_t offset, std::uint32_t capacity) {
  if (capacity != 0) free_[static_cast<std::size_t>(std::countr_zero(capacity))].push_back(offset);
}

void edge_pool::push(edge_list& list, std::uint32_t word) {
  const auto capacity = capacity_of(list.size);
  if (list.size == capacity) {
    const auto offset = take(capacity == 0 ? 1 : capacity * 2);
    std::copy_n(words_.begin() + list.offset, list.size, words_.begin() + offset);
    give(list.offset, capacity);
    list.offset = offset;
  }
  words_[list.offset + list.size++] = word;
}

bool edge_pool::erase(edge_list& list, std::uint32_t word) {
  const auto first = words_.begin() + list.offset;
  const auto at = std::find(first, first + list.size, word);
  if (at == first + list.size) return false;
  const auto before = capacity_of(list.size);
  *at = *(first + --list.size);
  // The capacity is told by the size: the block's upper half goes back when it is no longer needed.
  const auto after = capacity_of(list.size);
  if (after != before) {
    if (after == 0) {
      give(list.offset, before);
    } else {
      give(list.offset + after, before - after);
    }
  }
  return true;
}

void edge_pool::assign(edge_list& list, const std::uint32_t* words, std::uint32_t count) {
  const std::less<const std::uint32_t*> before;
  const bool inside = !before(words, words_.data()) && before(words, words_.data() + words_.size());
  const std::vector<std::uint32_t> copy(words, inside ? words + count : words);
  if (inside) words = copy.data();  // clear() and take() may move or reuse what lies in the pool
  clear(list);
  if (count == 0) return;
  list.offset = take(capacity_of(count));
  list.size = count;
  std::copy_n(words, count, words_.begin() + list.offset);
}

void edge_pool::clear(edge_list& list) {
  give(list.offset, capacity_of(list.size));
  list = {};
}

}  // namespace graphite
