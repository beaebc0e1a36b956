#include "coordinator/cluster/rank_heap.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace graphite {

namespace {
constexpr std::size_t heap_width = 4;
}

void rank_heap::push(const ranked_item& what, place_table& places) {
  items_.emplace_back();
  sift_up(items_.size() - 1, what, places);
}

void rank_heap::remove(std::uint32_t place, place_table& places) {
  GRAPHITE_INVARIANT(place < items_.size());
  const auto last = items_.back();
  items_.pop_back();
  if (place == items_.size()) return;
  if (place > 0 && last < items_[(place - 1) / heap_width])
    sift_up(place, last, places);
  else
    sift_down(place, last, places);
}

void rank_heap::sift_up(std::size_t at, const ranked_item& what, place_table& places) {
  while (at > 0) {
    const auto parent = (at - 1) / heap_width;
    if (!(what < items_[parent])) break;
    set(at, items_[parent], places);
    at = parent;
  }
  set(at, what, places);
}

void rank_heap::sift_down(std::size_t at, const ranked_item& what, place_table& places) {
  for (;;) {
    const auto first = at * heap_width + 1;
    if (first >= items_.size()) break;
    const auto last = std::min(first + heap_width, items_.size());
    auto least = first;
    for (auto child = first + 1; child < last; ++child)
      if (items_[child] < items_[least]) least = child;
    if (!(items_[least] < what)) break;
    set(at, items_[least], places);
    at = least;
  }
  set(at, what, places);
}

}  // namespace graphite
