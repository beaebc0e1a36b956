#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// Records under numbers that are not given out twice: place in an array, and how often it was used.
///
/// Pure. Records stay where they are. insert, erase and find are O(1); a place is used 2^31 times at most.
template <class T>
class slot_table {
 public:
  static constexpr std::uint32_t slot_of(std::uint64_t id) { return static_cast<std::uint32_t>(id); }

  /// A new record, as T is made without arguments. Its number is never zero.
  std::uint64_t insert() {
    if (free_.empty()) {
      if (uses_.size() % block_size == 0) blocks_.push_back(std::make_unique<T[]>(block_size));
      free_.push_back(static_cast<std::uint32_t>(uses_.size()));
      uses_.push_back(0);
    }
    const auto slot = free_.back();
    free_.pop_back();
    ++uses_[slot];  // odd while it is there
    ++size_;
    at(slot) = T{};
    return id_of(slot);
  }
  void erase(std::uint32_t slot) {
    GRAPHITE_INVARIANT(live(slot));
    ++uses_[slot];
    --size_;
    free_.push_back(slot);
  }
  /// Null where it is gone, or never was.
  T* find(std::uint64_t id) {
    const auto slot = slot_of(id);
    return slot < uses_.size() && live(slot) && id_of(slot) == id ? &at(slot) : nullptr;
  }
  T& at(std::uint32_t slot) { return blocks_[slot / block_size][slot % block_size]; }
  const T& at(std::uint32_t slot) const { return blocks_[slot / block_size][slot % block_size]; }
  std::uint64_t id_of(std::uint32_t slot) const {
    return static_cast<std::uint64_t>(uses_[slot]) << 32 | slot;
  }
  bool live(std::uint32_t slot) const { return uses_[slot] % 2 == 1; }
  std::size_t size() const { return size_; }
  /// All places, live or not: ascending, for whoever looks at all.
  std::uint32_t slots() const { return static_cast<std::uint32_t>(uses_.size()); }

 private:
  static constexpr std::uint32_t block_size = 512;
  std::vector<std::unique_ptr<T[]>> blocks_;
  std::vector<std::uint32_t> uses_, free_;
  std::size_t size_ = 0;
};

}  // namespace graphite
