#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

#include "core/ids.hpp"

namespace graphite {

/// Where an asset lies and what shape its entry has (mapped_index gives and takes them): 53 and 21 bits.
struct asset_place {
  static constexpr unsigned where_bits = 53, shape_bits = 21;
  std::uint64_t where = 0;  ///< 0: none
  std::uint32_t shape = 0;  ///< 0: not known; the entry has to be read
  bool known() const { return where != 0; }
  bool operator==(const asset_place&) const = default;
};

/// Remembers where assets were found: lossy, lock-free, any number of threads.
///
/// Buckets of one cache line with four entries; where a bucket is full, its neighbour's are used. An entry is
/// a word and the exclusive or of it with the id, so that a torn one is no entry (the lockless transposition
/// table of Hyatt and Mann, 2002). Bits of the id that the bucket's number implies (Knuth's quotienting, The
/// Art of Computer Programming 3, 6.4, exercise 13) make room for the shape, in tables of 128 KiB and more: a
/// look-up then touches one cache line. 32 to 64 bytes an asset, of which only what was looked up is ever
/// touched; at most `bytes_max`.
class lookup_cache {
 public:
  static constexpr std::uint64_t bytes_max = 64u << 20;

  lookup_cache() = default;
  /// How much memory it wants for so many assets.
  static std::uint64_t bytes_for(std::uint64_t assets) {
    return std::min(std::bit_ceil(2 * assets / ways + 2) * sizeof(bucket), bytes_max);
  }
  /// `zeros`: a power of two of bytes, at least 128, and aligned to 64; null: remembers nothing.
  lookup_cache(std::shared_ptr<std::byte> zeros, std::uint64_t bytes)
      : memory_(std::move(zeros)),
        buckets_(reinterpret_cast<bucket*>(memory_.get())),
        mask_(bytes / sizeof(bucket) - 1),
        implied_(mask_ >> (implied_at - bucket_at) >= implied_max ? implied_max << implied_at : 0) {}

  asset_place find(asset_id id) const noexcept {
    if (buckets_ == nullptr) return {};
    const auto first = (id.value >> bucket_at) & mask_;
    bool full = true;
    if (const auto found = find_in(first, id, full); found.known() || !full) return found;
    return find_in(first ^ 1, id, full);
  }

  void put(asset_id id, asset_place place) const noexcept {
    if (buckets_ == nullptr) return;
    const auto first = (id.value >> bucket_at) & mask_;
    entry* chosen = &buckets_[first].entries[id.value & (ways - 1)];  // where all are taken
    if (entry* const free = free_in(first))
      chosen = free;
    else if (entry* const beside = free_in(first ^ 1))
      chosen = beside;
    const entry made = encoded(id, place);
    std::atomic_ref(chosen->place).store(made.place, std::memory_order_relaxed);
    std::atomic_ref(chosen->mixed).store(made.mixed, std::memory_order_relaxed);
  }

  /// What `from` remembers, as far as there is room. Others may use `from` meanwhile, nobody this one.
  void take_over(const lookup_cache& from) const noexcept {
    if (buckets_ == nullptr || from.buckets_ == nullptr) return;
    for (std::uint64_t i = 0; i <= from.mask_; ++i)
      for (auto& one : from.buckets_[i].entries) {
        const entry read = load(one);
        if (read.place == 0) continue;
        // Torn: of an id that there is not.
        const std::uint64_t id =
            ((read.mixed ^ read.place) & ~from.implied_) | (i << bucket_at & from.implied_);
        put({id}, from.decoded(read));
      }
  }

  /// Forgets what it remembers of `id`, for `place` (unknown: for nothing). While nobody else uses it.
  void replace(asset_id id, asset_place place) const noexcept {
    if (buckets_ == nullptr) return;
    const auto first = (id.value >> bucket_at) & mask_;
    for (const auto in : {first, first ^ 1})
      for (auto& one : buckets_[in].entries)
        if (is_of(one, id)) one = {};
    if (place.known()) put(id, place);
  }

 private:
  static constexpr std::uint64_t ways = 4;
  static constexpr unsigned bucket_at = 2;  ///< an id's low bits choose, for an index orders by the high ones
  static constexpr unsigned implied_at =
      3;  ///< not the lowest bit of a bucket's number: neighbours differ in it
  static constexpr unsigned implied_bits = 10;
  static constexpr std::uint64_t implied_max = (std::uint64_t{1} << implied_bits) - 1;
  static_assert(asset_place::where_bits + asset_place::shape_bits == 64 + implied_bits);

  struct entry {
    std::uint64_t place, mixed;
  };
  struct bucket {
    entry entries[ways];
  };

  static entry load(entry& from) noexcept {
    return {std::atomic_ref(from.place).load(std::memory_order_relaxed),
            std::atomic_ref(from.mixed).load(std::memory_order_relaxed)};
  }
  bool is_of(const entry& one, asset_id id) const noexcept {
    return ((one.mixed ^ one.place ^ id.value) & ~implied_) == 0 && one.place != 0;
  }

  asset_place find_in(std::uint64_t number, asset_id id, bool& full) const noexcept {
    for (auto& one : buckets_[number].entries) {
      const entry read = load(one);
      if (is_of(read, id)) return decoded(read);
      full = full && read.place != 0;
    }
    return {};
  }
  entry* free_in(std::uint64_t number) const noexcept {
    for (auto& one : buckets_[number].entries)
      if (std::atomic_ref(one.place).load(std::memory_order_relaxed) == 0) return &one;
    return nullptr;
  }

  static constexpr unsigned shape_high_bits = asset_place::shape_bits - implied_bits;
  entry encoded(asset_id id, asset_place place) const noexcept {
    const std::uint64_t shape = implied_ == 0 ? 0 : place.shape;
    const std::uint64_t word = place.where << shape_high_bits | shape >> implied_bits;
    const std::uint64_t tag = (id.value & ~implied_) | ((shape & implied_max) << implied_at & implied_);
    return {word, tag ^ word};
  }
  asset_place decoded(const entry& one) const noexcept {
    const auto low = ((one.mixed ^ one.place) & implied_) >> implied_at;
    const auto high = one.place & ((std::uint64_t{1} << shape_high_bits) - 1);
    return {one.place >> shape_high_bits, static_cast<std::uint32_t>(high << implied_bits | low)};
  }

  std::shared_ptr<std::byte> memory_;
  bucket* buckets_ = nullptr;
  std::uint64_t mask_ = 0;
  std::uint64_t implied_ = 0;  ///< bits of an id that are not stored
};

}  // namespace graphite
