#pragma once

#include <cstdint>
#include <deque>
#include <limits>

#include "core/error.hpp"

namespace graphite {

/// The results of one session by their numbers, from 1 without a gap: which are safe, in any order, and up to
/// which the node may forget them.
///
/// Pure. All calls are O(1) amortised; it holds a bit for each that is not acknowledged.
class result_window {
 public:
  /// The number that the next result has to have.
  std::uint64_t next() const { return first_ + safe_.size(); }
  std::uint64_t came() {
    safe_.push_back(false);
    return next() - 1;
  }
  /// It came, and was not safe yet. True where more can be acknowledged by it.
  bool safe(std::uint64_t number) {
    GRAPHITE_INVARIANT(number >= first_ && number < next());
    safe_[number - first_] = true;
    const auto before = first_;
    for (; !safe_.empty() && safe_.front(); ++first_) safe_.pop_front();
    return first_ != before;
  }
  /// All up to this are safe; 0: none.
  std::uint64_t acknowledged() const { return first_ - 1; }
  std::size_t open() const { return safe_.size(); }

 private:
  std::uint64_t first_ = 1;  ///< not acknowledged
  std::deque<bool> safe_;    ///< from there on
};

}  // namespace graphite
