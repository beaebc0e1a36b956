#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "core/units.hpp"

namespace graphite {

/// What is to be looked at later, earliest first; of one moment, in the order in which it was put.
///
/// Pure. Nothing is taken out before its time: whoever takes it looks whether it still matters. O(log size).
template <class T>
class timer_queue {
 public:
  void put(time_point when, const T& what) {
    heap_.push_back({when, ++puts_, what});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  std::optional<time_point> next() const {
    return heap_.empty() ? std::nullopt : std::optional(heap_.front().when);
  }
  /// The first that is due, which leaves.
  std::optional<T> take_due(time_point now) {
    if (heap_.empty() || heap_.front().when > now) return std::nullopt;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const auto out = heap_.back().what;
    heap_.pop_back();
    return out;
  }
  std::size_t size() const { return heap_.size(); }

 private:
  struct entry {
    time_point when;
    std::uint64_t number;
    T what;
  };
  static bool later(const entry& a, const entry& b) {
    return a.when != b.when ? a.when > b.when : a.number > b.number;
  }
  std::vector<entry> heap_;
  std::uint64_t puts_ = 0;
};

}  // namespace graphite
