#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

#include "core/ids.hpp"

namespace graphite {

/// Remembers where assets were found: lossy, lock-free, any number of threads.
///
/// Buckets of one cache line with four entries; a word and the exclusive or of it with the id, so that a torn
/// entry is no entry (the lockless transposition table of Hyatt and Mann, 2002). 32 to 64 bytes an asset, of
/// which only what was looked up is ever touched; at most `bytes_max`.
class lookup_cache {
 public:
  static constexpr std::uint64_t bytes_max = 64u << 20;

  lookup_cache() = default;
  /// How much memory it wants for so many assets.
  static std::uint64_t bytes_for(std::uint64_t assets) {
    return std::min(std::bit_ceil(2 * assets / ways + 1) * sizeof(bucket), bytes_max);
  }
  /// `zeros`: a power of two of bytes, a multiple of 64 and aligned so; null: remembers nothing.
  lookup_cache(std::shared_ptr<std::byte> zeros, std::uint64_t bytes)
      : memory_(std::move(zeros)),
        buckets_(reinterpret_cast<bucket*>(memory_.get())),
        mask_(bytes / sizeof(bucket) - 1) {}

  /// 0: not remembered.
  std::uint64_t find(asset_id id) const noexcept {
    if (buckets_ == nullptr) return 0;
    for (auto& one : bucket_of(id).entries) {
      const auto place = std::atomic_ref(one.place).load(std::memory_order_relaxed);
      const auto mixed = std::atomic_ref(one.mixed).load(std::memory_order_relaxed);
      if ((mixed ^ place) == id.value && place != 0) return place;
    }
    return 0;
  }

  /// `place` is not 0.
  void put(asset_id id, std::uint64_t place) const noexcept {
    if (buckets_ == nullptr) return;
    bucket& into = bucket_of(id);
    entry* chosen = &into.entries[id.value & (ways - 1)];  // where all are taken
    for (auto& one : into.entries)
      if (std::atomic_ref(one.place).load(std::memory_order_relaxed) == 0) {
        chosen = &one;
        break;
      }
    std::atomic_ref(chosen->place).store(place, std::memory_order_relaxed);
    std::atomic_ref(chosen->mixed).store(id.value ^ place, std::memory_order_relaxed);
  }

  /// What `from` remembers, as far as there is room. Others may use `from` meanwhile, nobody this one.
  void take_over(const lookup_cache& from) const noexcept {
    if (buckets_ == nullptr || from.buckets_ == nullptr) return;
    for (std::uint64_t i = 0; i <= from.mask_; ++i)
      for (auto& one : from.buckets_[i].entries) {
        const auto place = std::atomic_ref(one.place).load(std::memory_order_relaxed);
        const auto mixed = std::atomic_ref(one.mixed).load(std::memory_order_relaxed);
        if (place != 0) put({mixed ^ place}, place);  // torn: of an id that there is not
      }
  }

  /// Forgets what it remembers of `id`, for `place` (0: for nothing). While nobody else uses it.
  void replace(asset_id id, std::uint64_t place) const noexcept {
    if (buckets_ == nullptr) return;
    for (auto& one : bucket_of(id).entries)
      if ((one.mixed ^ one.place) == id.value) one = {};
    if (place != 0) put(id, place);
  }

 private:
  static constexpr std::uint64_t ways = 4;
  struct entry {
    std::uint64_t place, mixed;
  };
  struct bucket {
    entry entries[ways];
  };
  /// An id is a hash already; its low bits choose, for an index orders by the high ones.
  bucket& bucket_of(asset_id id) const noexcept { return buckets_[(id.value >> 2) & mask_]; }

  std::shared_ptr<std::byte> memory_;
  bucket* buckets_ = nullptr;
  std::uint64_t mask_ = 0;
};

}  // namespace graphite
