#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "coordinator/action_key.hpp"

namespace graphite {

/// How much of the action cache is kept. What is shown anyway costs nothing and stays.
struct cache_bounds {
  std::uint64_t bytes_max = 10 * GiB;  ///< of contents that nothing but the cache keeps
  std::uint32_t days_max = 30;         ///< unused for longer, and not shown: a result goes
};

/// Which results of the action cache go: the least recently used ones, until the contents that nothing else
/// keeps are within bounds.
///
/// Two passes over all rows, in any order and in steps of any size: see() each, decide(), then trim() each. A
/// content counts once, as recently used as the newest result that names it. A result stays while all it
/// names stays; so a generation's results stay with it, and count as used as long as they do. Pure; time is
/// an argument. Memory: 24 bytes a content that only the cache keeps.
class cache_eviction {
 public:
  /// Of contents that only the cache keeps: beyond it the least recently used go, whatever their bytes.
  static constexpr std::size_t contents_max = 2'097'152;
  /// What a content counts at least: its place in a segment.
  static constexpr std::uint64_t content_bytes_min = 64;
  /// A result that is shown is stamped as used when its stamp is older than this.
  static constexpr std::uint64_t renew_after_ms = 24 * cache_row::use_step_ms;

  /// `shown` says whether a content is kept without the cache; it may answer more often so as time goes by.
  cache_eviction(cache_bounds bounds, std::uint64_t now_unix_ms, std::function<bool(const digest&)> shown,
                 std::size_t contents = contents_max);

  void see(const cache_row& row);
  void decide();

  struct trimmed {
    bool changed = false;  ///< the row is to be written again, or erased where it is empty
    std::uint64_t dropped = 0;
  };
  /// Takes out of `row` what goes. Once for each row.
  trimmed trim(cache_row& row);

  std::uint64_t bytes() const { return bytes_; }  ///< that only the cache kept; after decide()
  /// That only the cache still keeps; after the last trim().
  std::uint64_t bytes_kept() const;

 private:
  struct content {
    std::uint64_t id = 0;  ///< first bytes of the digest
    std::uint64_t used = 0;
    std::uint64_t bytes = 0;
  };
  struct kept_content {
    std::uint64_t id = 0;
    std::uint64_t bytes : 63 = 0;
    std::uint64_t named : 1 = 0;  ///< by a result that stays
  };
  std::uint64_t used(const cached_result& one) const { return std::min(one.used_unix_ms, now_); }
  bool too_old(std::uint64_t used) const;
  bool all_shown(const cached_result& one) const;
  bool stays(const cached_result& one);
  void join_equal();
  void drop_oldest(std::size_t keep);
  kept_content* find(const digest& content);

  cache_bounds bounds_;
  std::uint64_t now_;
  std::function<bool(const digest&)> shown_;
  std::size_t contents_max_;
  std::vector<content> seen_;
  std::vector<kept_content> kept_;  ///< ascending
  std::uint64_t bytes_ = 0;
};

}  // namespace graphite
