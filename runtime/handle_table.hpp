#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <unordered_map>
#include <vector>

#include "core/error.hpp"
#include "core/ids.hpp"
#include "runtime/change_set.hpp"

namespace graphite {

/// Names of assets that stay across swaps: one handle an asset, counted.
///
/// A handle is the number of a slot and how often that was used before, so that one which was closed is never
/// taken for a later one. look() is lock-free and goes on beside the others, which are called one at a time.
/// Bounds: slots_max; slots are reused and given back with the table.
class handle_table {
 public:
  static constexpr std::size_t slots_max = std::size_t{1} << 24;
  enum class state : std::uint8_t { closed, open, stale };
  struct info {
    state what = state::closed;
    asset_id id;
    std::uint64_t changed = 0;  ///< version with which the asset last changed or came; 0: not since open()
  };

  /// `preserve` false: note() makes the handles of what changed stale.
  handle_table(bool preserve, std::pmr::memory_resource* memory);
  ~handle_table();
  handle_table(const handle_table&) = delete;
  handle_table& operator=(const handle_table&) = delete;

  /// Errors: too_large.
  result<std::uint64_t> open(asset_id id);
  /// False where it is not open.
  bool close(std::uint64_t handle);
  /// Any thread.
  info look(std::uint64_t handle) const noexcept;
  /// A swap. O(changes), but for the handles' number where that is less.
  void note(const change_set& changes, std::uint64_t version);
  /// Open ones. Any thread.
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t block_slots = 4096;
  struct slot {
    std::atomic<std::uint64_t> handle{0};  ///< that it stands for; 0: none
    std::atomic<std::uint64_t> id{0}, changed{0};
    std::atomic<bool> stale{false};
    std::uint64_t uses = 0, references = 0;  ///< of the caller's turn
  };
  using block = std::array<slot, block_slots>;

  slot* slot_of(std::uint64_t handle) const noexcept;
  result<std::uint32_t> take_slot();
  void note_one(std::uint64_t id, std::uint64_t version);

  const bool preserve_;
  std::pmr::memory_resource* const memory_;
  std::array<std::atomic<block*>, slots_max / block_slots> blocks_{};
  std::uint32_t slots_ = 0;  ///< ever used
  std::pmr::vector<std::uint32_t> free_;
  std::pmr::unordered_map<std::uint64_t, std::uint32_t> by_id_;  ///< those that are not stale
  std::atomic<std::size_t> size_{0};
};

}  // namespace graphite
