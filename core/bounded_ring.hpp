#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace graphite {

/// A queue of fixed length for any number of producers and consumers, without locks. Oldest first.
///
/// Each cell has a turn number that says whose turn it is: a producer's of round r, or a consumer's of it
/// (D. Vyukov, "Bounded MPMC queue", 1024cores, 2010). Somebody who is interrupted between taking a cell and
/// filling it hides what lies behind it until he goes on: an empty answer may be untrue for that long.
/// `T` is moved in and out and must not throw at that.
template <class T>
class bounded_ring {
 public:
  /// Room for `least` values or the next power of two.
  explicit bounded_ring(std::size_t least)
      : mask_(std::bit_ceil(least < 2 ? std::size_t{2} : least) - 1), cells_(new cell[mask_ + 1]) {
    for (std::size_t i = 0; i <= mask_; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  }
  bounded_ring(const bounded_ring&) = delete;
  bounded_ring& operator=(const bounded_ring&) = delete;
  ~bounded_ring() {
    while (pop()) {
    }
  }

  std::size_t capacity() const { return mask_ + 1; }

  /// Moves from `value` only where it returns true; false: full.
  bool push(T& value) {
    auto at = tail_.load(std::memory_order_relaxed);
    while (true) {
      auto& here = cells_[at & mask_];
      const auto ahead = static_cast<std::intptr_t>(here.turn.load(std::memory_order_acquire)) -
                         static_cast<std::intptr_t>(at);
      if (ahead < 0) return false;
      if (ahead == 0 && tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        new (here.place) T(std::move(value));
        here.turn.store(at + 1, std::memory_order_release);
        return true;
      }
      if (ahead > 0) at = tail_.load(std::memory_order_relaxed);
    }
  }

  std::optional<T> pop() {
    auto at = head_.load(std::memory_order_relaxed);
    while (true) {
      auto& here = cells_[at & mask_];
      const auto ahead = static_cast<std::intptr_t>(here.turn.load(std::memory_order_acquire)) -
                         static_cast<std::intptr_t>(at + 1);
      if (ahead < 0) return std::nullopt;
      if (ahead == 0 && head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        auto* const kept = std::launder(reinterpret_cast<T*>(here.place));
        std::optional<T> out(std::move(*kept));
        kept->~T();
        here.turn.store(at + mask_ + 1, std::memory_order_release);
        return out;
      }
      if (ahead > 0) at = head_.load(std::memory_order_relaxed);
    }
  }

  /// Whether a pop() now might find something. Untrue answers are those of pop().
  bool empty() const {
    const auto at = head_.load(std::memory_order_relaxed);
    const auto turn = cells_[at & mask_].turn.load(std::memory_order_acquire);
    return static_cast<std::intptr_t>(turn) - static_cast<std::intptr_t>(at + 1) < 0;
  }

 private:
  struct cell {
    std::atomic<std::size_t> turn{0};
    alignas(T) std::byte place[sizeof(T)];
  };

  static constexpr std::size_t line_bytes = 64;
  const std::size_t mask_;
  const std::unique_ptr<cell[]> cells_;
  alignas(line_bytes) std::atomic<std::size_t> tail_{0};
  alignas(line_bytes) std::atomic<std::size_t> head_{0};
};

}  // namespace graphite
