#pragma once

#include <cstdint>
#include <vector>

namespace graphite {

/// What one heap orders by: the smaller `rank` first, then the smaller `order`, which no two share.
struct ranked_item {
  std::int64_t rank = 0;
  std::uint64_t order = 0;
  std::uint32_t item = 0;
  bool operator<(const ranked_item& other) const {
    return rank != other.rank ? rank < other.rank : order < other.order;
  }
};

/// A heap of four children a node whose items can be taken from the middle.
///
/// Pure. An item is in one heap at most: all heaps share one table of places, indexed by item. push and
/// remove are O(log items).
class rank_heap {
 public:
  using place_table = std::vector<std::uint32_t>;

  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  const ranked_item& best() const { return items_.front(); }

  void push(const ranked_item& what, place_table& places);
  /// The item at `place` of it.
  void remove(std::uint32_t place, place_table& places);

 private:
  void set(std::size_t at, const ranked_item& what, place_table& places) {
    items_[at] = what;
    places[what.item] = static_cast<std::uint32_t>(at);
  }
  void sift_up(std::size_t at, const ranked_item& what, place_table& places);
  void sift_down(std::size_t at, const ranked_item& what, place_table& places);

  std::vector<ranked_item> items_;
};

}  // namespace graphite
