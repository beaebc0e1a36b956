#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace graphite {

/// A list inside an edge_pool: its first word and how many are used.
struct edge_list {
  std::uint32_t offset = 0, size = 0;
};

/// Short lists of 32-bit words side by side in one array; capacities are powers of two, freed blocks are
/// reused by size. Pure. Not ordered by itself; 4 bytes an entry, no header. Bound: 2^32 words.
class edge_pool {
 public:
  const std::uint32_t* data(edge_list list) const { return words_.data() + list.offset; }
  std::uint32_t* data(edge_list list) { return words_.data() + list.offset; }

  /// Amortised O(1).
  void push(edge_list& list, std::uint32_t word);
  /// Removes one occurrence, the last entry takes its place; false where it is not there. O(size).
  bool erase(edge_list& list, std::uint32_t word);
  /// Replaces the whole list. O(count).
  void assign(edge_list& list, const std::uint32_t* words, std::uint32_t count);
  void clear(edge_list& list);
  void reserve(std::size_t words) { words_.reserve(words); }

 private:
  static constexpr std::uint32_t capacity_of(std::uint32_t size) {
    std::uint32_t capacity = 1;
    while (capacity < size) capacity *= 2;
    return size == 0 ? 0 : capacity;
  }
  std::uint32_t take(std::uint32_t capacity);
  void give(std::uint32_t offset, std::uint32_t capacity);

  std::vector<std::uint32_t> words_;
  std::array<std::vector<std::uint32_t>, 33> free_;
};

}  // namespace graphite
