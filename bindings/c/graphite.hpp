/* C++17 over graphite.h, header only: owners for what is counted, and pinning without a call. */
#pragma once

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
/// The ids of all assets, ascending. Reads the whole index.
inline std::vector<std::uint64_t> assets(const graphite_bundle* in) {
  graphite_bundle_info about;
  graphite_bundle_describe(in, &about);
  std::vector<std::uint64_t> out(static_cast<std::size_t>(about.assets));
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
  const graphite_atomic_bundle& place() const noexcept { return place_; }

 private:
  graphite_atomic_bundle place_;
};

/// What is current while this lives, in the thread that made it. Nests. No call, but for a thread's first.
class pinned {
 public:
  explicit pinned(const graphite_atomic_bundle& place) : slot_(detail::slot_in(place)) {
    if (slot_->depth++ != 0) {
      value_ = reinterpret_cast<const detail::value*>(__atomic_load_n(&slot_->pinned, __ATOMIC_RELAXED));
      return;
    }
    // The order of these three is what the library's proof rests on (runtime/pins.hpp).
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

}  // namespace graphite

#include "graphite_files.hpp"
#include "graphite_live.hpp"
