#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/units.hpp"

/// \file How readers hold on to a generation without a lock and without touching a shared cache line.
///
/// Source: hazard pointers (Michael, 2004) with the readers' fence moved to the writer (asymmetric fences;
/// P1202, and userspace-rcu's sys_membarrier flavour: Desnoyers et al., 2012).
///
/// A reader stores `entering` in its own slot, loads what is current, and stores that in the slot. A writer
/// replaces what is current, runs the heavy fence (each thread of the process passes a full barrier between
/// its call and its return), and then looks at all slots. A reader that loaded what was replaced did so
/// before its barrier, so the writer's look finds `entering` or what was stored after it; the proof in full
/// is beside class pinned in bindings/c/graphite.hpp, which has the reader's side once more, for programs
/// that inline it.
///
/// Where the kernel has no such fence (`fence` empty), readers fence themselves.

namespace graphite {

/// One value that is or was current. Alive until it was replaced and nobody names it.
///
/// The first two members, and the first two of reader_slot, are what the inline functions of graphite.h read:
/// their places are part of the library's binary interface.
struct pinned_value {
  pinned_value(std::uint64_t number, std::shared_ptr<const void> value)
      : version(number), payload(value.get()), owner(std::move(value)) {}

  const std::uint64_t version;  ///< of its pin_point, from 1
  const void* const payload;

  /// Holds that outlive the reader's pin and may be given up in another thread: fibers, handles.
  void hold() noexcept { holds.fetch_add(1, std::memory_order_relaxed); }
  void let_go() noexcept { holds.fetch_sub(1, std::memory_order_release); }
  bool held() const noexcept { return holds.load(std::memory_order_acquire) != 0; }

  std::atomic<std::uint64_t> holds{0};
  const std::shared_ptr<const void> owner;  ///< of the payload
};

/// What one thread pins of one pin_point. Written by its thread, read by writers.
struct alignas(64) reader_slot {
  static constexpr std::uintptr_t none = 0, entering = 1;

  std::atomic<std::uintptr_t> pinned{none};  ///< none, entering, or a pinned_value
  std::uint32_t depth = 0;                   ///< nested pins; the thread's own
  std::atomic<std::uint32_t> owner{0};       ///< the kernel's number of the thread; 0: free
};

/// Where a value is replaced by the next while any number of threads read it.
///
/// Readers are wait-free: two stores and a load, none of them shared. replace(), collect() and the
/// registration of readers take a mutex; no reader waits for them. Bounds: one slot of 64 bytes for the
/// largest number of threads that ever read at once.
class pin_point {
 public:
  struct held_value {
    std::uint64_t version = 0;
    std::uint32_t thread = 0;  ///< 0: held by a token or a handle
    duration since_replaced{};
  };

  /// `fence`: see above; empty: readers fence themselves.
  explicit pin_point(std::function<void()> fence);
  /// Nobody may read any more; frees everything.
  ~pin_point();

  // readers

  /// What is current, which stays until release(), and what its thread pins already where it does. Null:
  /// nothing was published yet.
  pinned_value* acquire(reader_slot& slot) const noexcept {
    if (slot.depth++ != 0) return value_of(slot.pinned.load(std::memory_order_relaxed));
    slot.pinned.store(reader_slot::entering, std::memory_order_release);
    if (self_fencing_) [[unlikely]]
      std::atomic_thread_fence(std::memory_order_seq_cst);
    else
      std::atomic_signal_fence(std::memory_order_seq_cst);
    auto* const value = current_.load(std::memory_order_acquire);
    slot.pinned.store(reinterpret_cast<std::uintptr_t>(value), std::memory_order_release);
    return value;
  }
  static void release(reader_slot& slot) noexcept {
    if (--slot.depth == 0) slot.pinned.store(reader_slot::none, std::memory_order_release);
  }
  /// For a thread that reads for the first time. Valid until remove_reader() or the end of the pin_point.
  reader_slot& add_reader(std::uint32_t thread);
  /// A pin that it still has is given up: true where there was one.
  bool remove_reader(reader_slot& slot);
  /// Around fork(), so that no other thread is in the middle of something in the child.
  void before_fork() { mutex_.lock(); }
  void after_fork_in_parent() { mutex_.unlock(); }
  /// The other threads are not there, and what they pinned is free. `mine` may be null.
  void after_fork_in_child(const reader_slot* mine);

  // writers; any thread

  /// Of what is current; 0: nothing was published yet.
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }
  /// For the inline functions of graphite.h.
  const std::atomic<pinned_value*>& current() const noexcept { return current_; }
  bool readers_fence() const noexcept { return self_fencing_; }
  /// Makes `next` current; its version. Frees nothing: that is collect()'s, which takes longer. Throws
  /// bad_alloc, and then nothing has changed.
  std::uint64_t replace(std::shared_ptr<const void> next, time_point now);
  /// Frees what was replaced and nobody names any more; how many are left. A reader that is just entering
  /// may keep all of them until the next call.
  std::size_t collect();
  /// What is left, and who names it: for whoever reports pins that are held too long.
  std::vector<held_value> held(time_point now) const;

 private:
  struct replaced {
    std::unique_ptr<pinned_value> value;
    time_point when{};
  };
  static constexpr std::size_t block_slots = 64;
  struct slot_block {
    reader_slot slots[block_slots];
  };

  static pinned_value* value_of(std::uintptr_t pinned) noexcept {
    return reinterpret_cast<pinned_value*>(pinned);
  }

  std::atomic<pinned_value*> current_{nullptr};
  std::atomic<std::uint64_t> version_{0};
  const bool self_fencing_;
  const std::function<void()> fence_;
  mutable std::mutex mutex_;  ///< guards all below
  std::unique_ptr<pinned_value> newest_;
  std::vector<replaced> replaced_;
  std::vector<std::unique_ptr<slot_block>> blocks_;
};

}  // namespace graphite
