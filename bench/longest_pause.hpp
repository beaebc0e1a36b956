#pragma once

#include <algorithm>
#include <atomic>
#include <thread>

#include "bench/harness.hpp"
#include "bindings/c/graphite.hpp"

namespace graphite::bench {

/// What a compiler must not take out of a loop.
inline void use(const void* value) { asm volatile("" : : "g"(value) : "memory"); }

/// The longest time between two reads of a thread that does nothing else while `beside` runs, in
/// microseconds.
template <class Beside>
double longest_pause_us(const graphite_atomic_bundle& place, Beside beside) {
  std::atomic<bool> done{false}, begun{false};
  double longest = 0;
  std::thread reader([&] {
    double before = now_seconds();
    while (!done.load(std::memory_order_relaxed)) {
      const pinned now(place);
      use(now.get());
      const double at = now_seconds();
      longest = std::max(longest, at - before);
      before = at;
      begun.store(true, std::memory_order_relaxed);
    }
  });
  while (!begun.load(std::memory_order_relaxed)) std::this_thread::yield();
  beside();
  done.store(true);
  reader.join();
  return longest * 1e6;
}

}  // namespace graphite::bench
