#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace graphite {

/// A set of dense numbers that is filled in any order and looked at in ascending order now and then.
///
/// Pure. insert and erase are O(1), the rest O(members · log members). Memory: a bit for each number up to
/// the largest ever in it.
class index_set {
 public:
  void insert(std::uint32_t index) {
    if (index >= in_.size()) in_.resize(index + 1);
    if (in_[index]) return;
    in_[index] = true;
    ++size_;
    listed_.push_back(index);
  }
  void erase(std::uint32_t index) {
    if (index >= in_.size() || !in_[index]) return;
    in_[index] = false;
    if (--size_ == 0) listed_.clear();
  }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  std::vector<std::uint32_t> ascending() const {
    auto out = listed_;
    std::erase_if(out, [&](std::uint32_t index) { return !in_[index]; });
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }
  /// All of them, which leave.
  std::vector<std::uint32_t> take() {
    auto out = ascending();
    for (const auto index : out) in_[index] = false;
    listed_.clear();
    size_ = 0;
    return out;
  }

 private:
  std::vector<bool> in_;
  std::vector<std::uint32_t> listed_;  ///< some more than once, some that have left
  std::size_t size_ = 0;
};

}  // namespace graphite
