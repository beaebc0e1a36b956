/* C++17 over graphite.h, header only: owners for what is counted, and pinning without a call.
 *
 * Whatever fails throws `failure`, or bad_alloc, but for destructors and what returns a result. Threads,
 * ownership, errors and cost are those of the C functions; an owner itself is used by one thread at a time.
 * What needs no owner keeps its C name (graphite_set_log, graphite_set_allocator, graphite_version). Include
 * this file and no other of the four.
 */
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graphite.h"

namespace graphite {

/// What a call that failed said.
class failure : public std::runtime_error {
 public:
  failure(graphite_result code, const std::string& text)
      : std::runtime_error(std::string(graphite_result_name(code)) + ": " + text), code_(code) {}
  graphite_result code() const noexcept { return code_; }

 private:
  graphite_result code_;
};

namespace detail {

inline void check(graphite_result result) {
  if (result != GRAPHITE_SUCCESS) throw failure(result, graphite_last_error());
}

/// As the library lays them out; it asserts so.
struct slot {
  std::uintptr_t pinned;
  std::uint32_t depth;
};
struct value {
  std::uint64_t version;
  const graphite_bundle* bundle;
};
struct last_slot {
  std::uint64_t number;
  slot* where;
};
inline thread_local last_slot last = {0, nullptr};

inline slot* slot_in(const graphite_atomic_bundle& place) {
  if (last.number == place.number_) return last.where;
  auto* const where = static_cast<slot*>(graphite_reader_slot_(&place));
  if (where == nullptr) throw std::bad_alloc();
  last = {place.number_, where};
  return where;
}

}  // namespace detail

/// A reference to a bundle. Movable; copies count.
class bundle {
 public:
  bundle() = default;
  explicit bundle(const std::string& path) { detail::check(graphite_bundle_open(path.c_str(), &held_)); }
  /// One more reference to what somebody holds or pins, which so outlives the pin. Null: empty.
  static bundle share(const graphite_bundle* held) {
    bundle out;
    if (held != nullptr) out.held_ = graphite_bundle_retain(held);
    return out;
  }
  bundle(bundle&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  bundle(const bundle& other) : held_(other.held_ ? graphite_bundle_retain(other.held_) : nullptr) {}
  bundle& operator=(bundle other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~bundle() { graphite_bundle_close(held_); }

  const graphite_bundle* get() const noexcept { return held_; }
  /// The caller owns the reference from now on.
  graphite_bundle* release() noexcept { return std::exchange(held_, nullptr); }

 private:
  graphite_bundle* held_ = nullptr;
};

/// Look-ups in a bundle that somebody else holds or pins.
inline std::optional<graphite_asset> find(const graphite_bundle* in, std::uint64_t id) {
  graphite_asset out;
  const auto result = graphite_find(in, id, &out);
  if (result == GRAPHITE_ERROR_NOT_FOUND) return std::nullopt;
  detail::check(result);
  return out;
}
inline std::optional<graphite_asset> find(const graphite_bundle* in, std::string_view path) {
  return find(in, graphite_asset_id(path.data(), path.size()));
}
/// Its channel's name lives as long as the bundle.
inline graphite_bundle_info describe(const graphite_bundle* in) {
  graphite_bundle_info out;
  graphite_bundle_describe(in, &out);
  return out;
}
/// Reads what `now` has and `before` (null: nothing) has not, and checks it. Throws: corrupt, not_found, io.
inline void verify(const graphite_bundle* now, const graphite_bundle* before = nullptr) {
  detail::check(graphite_bundle_verify(now, before));
}
/// The ids of all assets, ascending. Reads the whole index.
inline std::vector<std::uint64_t> assets(const graphite_bundle* in) {
  std::vector<std::uint64_t> out(static_cast<std::size_t>(describe(in).assets));
  while (true) {
    std::size_t count = 0;
    detail::check(graphite_bundle_assets(in, out.data(), out.size(), &count));
    const bool all = count <= out.size();  // without atomic_reload there may be more for a moment
    out.resize(count);
    if (all) return out;
  }
}
/// The bytes of a part; valid as long as the bundle is held or pinned.
inline std::string_view part(const graphite_bundle* of, const graphite_asset& asset,
                             std::uint32_t index = 0) {
  graphite_part out;
  detail::check(graphite_asset_part(of, &asset, index, &out));
  return {static_cast<const char*>(out.data), static_cast<std::size_t>(out.size)};
}

/// The assets that it needs at run time, as it names them.
inline std::vector<std::uint64_t> references(const graphite_asset& asset) {
  std::vector<std::uint64_t> out(asset.reference_count);
  for (std::uint32_t i = 0; i < asset.reference_count; ++i) out[i] = graphite_asset_reference(&asset, i);
  return out;
}

/// Who still holds a generation that was replaced, at some moment of this call.
inline std::vector<graphite_held> held(const graphite_atomic_bundle& place) {
  std::vector<graphite_held> out(graphite_atomic_bundle_held(&place, nullptr, 0));
  out.resize(std::min(out.size(), graphite_atomic_bundle_held(&place, out.data(), out.size())));
  return out;
}

/// Owns a graphite_atomic_bundle.
class atomic_bundle {
 public:
  explicit atomic_bundle(bundle first = {}) {
    auto* const raw = first.release();
    const auto result = graphite_atomic_bundle_init(&place_, raw);
    if (result == GRAPHITE_ERROR_INVALID_ARGUMENT) graphite_bundle_close(raw);
    detail::check(result);
  }
  ~atomic_bundle() { graphite_atomic_bundle_destroy(&place_); }
  atomic_bundle(const atomic_bundle&) = delete;
  atomic_bundle& operator=(const atomic_bundle&) = delete;

  void swap(bundle next) {
    auto* const raw = next.release();
    const auto result = graphite_atomic_swap_bundle(&place_, raw);
    if (result == GRAPHITE_ERROR_INVALID_ARGUMENT) graphite_bundle_close(raw);
    detail::check(result);
  }
  std::size_t collect() { return graphite_atomic_bundle_collect(&place_); }
  std::vector<graphite_held> held() const { return graphite::held(place_); }
  const graphite_atomic_bundle& place() const noexcept { return place_; }

 private:
  graphite_atomic_bundle place_;
};

// Why what is pinned is not freed, in full; the writer's side is runtime/pins.cpp of the library's sources.
//
// A slot belongs to one thread and one place and names what the thread reads there. `current` is a pointer.
//
//   reader (class pinned)                      writer (swap, then collect; writers take turns)
//   R1  slot = entering                        W1  current = next; the old one, P, is set aside
//       no instruction here: a compiler fence  W2  membarrier(2): each thread of the process passes a full
//   R2  P = current                                barrier between this call and its return
//   R3  slot = P                               W3  looks at all slots: at any that is `entering` it frees
//       reads P                                    nothing and comes again with a later swap or collect
//   R4  slot = none                            W4  frees what was set aside and no slot and no token names
//
// Claim: if R2 returned P, then no W4 frees P before R4 and all that was read of P. Proof: take any W2 after
// P was replaced, and the barrier B that the reader's thread passes during it (one that does not run then
// passes it as it is switched in).
//   1. R2 comes before B, or it did not return P: W1 comes before W2, so after B a load gets `next` or later.
//   2. R1 comes before R2 in the program, so before B; what is stored before B is visible to W3. So W3 reads
//      R1's store or a later one of this slot: `entering`, and nothing is freed; P, and P is kept; or what R4
//      or a later pin stored. Then R4 has happened: all stores to a slot are releases and W3 is an acquire,
//      so all that was read of P happened before W4.
// So two stores and a load suffice. Without B the processor could keep R1 back in its store buffer while R2
// gets P, and W3 would miss it: a store and a later load are what even x86 exchanges. Every other order that
// is needed comes from release and acquire, which cost no instruction there.
//
// What `entering` is for: between R2 and R3 the thread has P, and nobody can see that it is P. A slot that
// still said `none` would lose it; hazard pointers store P and then load `current` again and again until it
// is the same. Here the writer keeps everything for that moment instead, and the reader never repeats
// anything. A thread that is stopped just there delays what is freed, never a swap or another reader.
//
// No slot is missed: they are added under the writers' mutex and stay where they are as long as the place.
// One that is added after W3 belongs to a thread whose R2 comes after the mutex, so after W1: it does not get
// P. Inner pins neither store nor load: they have what the outer one keeps. A token is counted in P itself
// while the slot names P, and W4 looks at the counts after the slots: it sees one or the other.
//
// Where the kernel or a filter has no membarrier (`readers_fence_` is 1) readers have a full fence between R1
// and R2, and W2 is a full fence of the writer alone. Of two threads that each store, fence and load what the
// other stored, one sees the other: R2 gets `next`, or W3 sees R1 or what followed. The rest is as above.
//
// Not for signal handlers: one that interrupts its thread between R1 and R3 would take `entering` for a pin.

/// What is current while this lives, in the thread that made it. Nests. No call, but for a thread's first.
class pinned {
 public:
  explicit pinned(const graphite_atomic_bundle& place) : slot_(detail::slot_in(place)) {
    if (slot_->depth++ != 0) {
      value_ = reinterpret_cast<const detail::value*>(__atomic_load_n(&slot_->pinned, __ATOMIC_RELAXED));
      return;
    }
    // R1, R2 and R3 of the proof above.
    __atomic_store_n(&slot_->pinned, std::uintptr_t{1}, __ATOMIC_RELEASE);
    if (__builtin_expect(place.readers_fence_ != 0, 0))
      __atomic_thread_fence(__ATOMIC_SEQ_CST);
    else
      __atomic_signal_fence(__ATOMIC_SEQ_CST);
    const auto now = __atomic_load_n(static_cast<const std::uintptr_t*>(place.current_), __ATOMIC_ACQUIRE);
    __atomic_store_n(&slot_->pinned, now, __ATOMIC_RELEASE);
    value_ = reinterpret_cast<const detail::value*>(now);
  }
  explicit pinned(const atomic_bundle& in) : pinned(in.place()) {}
  ~pinned() {
    if (--slot_->depth == 0) __atomic_store_n(&slot_->pinned, std::uintptr_t{0}, __ATOMIC_RELEASE);
  }
  pinned(const pinned&) = delete;
  pinned& operator=(const pinned&) = delete;

  /// Null where nothing is current yet.
  const graphite_bundle* get() const noexcept { return value_ ? value_->bundle : nullptr; }
  std::uint64_t version() const noexcept { return value_ ? value_->version : 0; }

 private:
  detail::slot* slot_;
  const detail::value* value_ = nullptr;
};

/// What was current when it was made, while it lives: for fibers, jobs and frames in flight. Movable, also to
/// another thread, and given up in any. Cost: a pin and one shared counter.
class token {
 public:
  token() = default;  ///< empty
  /// Throws not_found where nothing is current yet.
  explicit token(const graphite_atomic_bundle& place) { detail::check(graphite_reader_pin(&place, &held_)); }
  explicit token(const atomic_bundle& in) : token(in.place()) {}
  token(token&& other) noexcept : held_(std::exchange(other.held_, {})) {}
  token& operator=(token&& other) noexcept {
    token(std::move(other)).swap(*this);
    return *this;
  }
  ~token() { graphite_reader_unpin(&held_); }

  void swap(token& other) noexcept { std::swap(held_, other.held_); }
  /// Null where it is empty.
  const graphite_bundle* get() const noexcept { return held_.bundle; }
  std::uint64_t version() const noexcept { return held_.version; }

 private:
  graphite_pin held_ = {};
};

}  // namespace graphite

#include "graphite_async.hpp"
#include "graphite_files.hpp"
#include "graphite_live.hpp"
#include "graphite_machine.hpp"
#include "graphite_memory.hpp"
