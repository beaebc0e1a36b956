#pragma once

#include <functional>
#include <span>

#include "coordinator/cache_eviction.hpp"
#include "core/ports/key_value_store.hpp"

namespace graphite {

struct cache_sweep_options {
  cache_bounds bounds;
  std::uint64_t now_unix_ms = 0;
  bool dry_run = false;  ///< writes nothing
};

/// What a sweep found, and what is gone; of a dry run, what would go.
struct cache_sweep_summary {
  std::uint64_t results = 0, results_dropped = 0;
  std::uint64_t bytes = 0, bytes_dropped = 0;  ///< of contents that only the cache kept
};

/// Brings the action cache within its bounds: looks at all rows twice, in steps, and
/// writes those that change, lazily. Rows go before the contents: RocksDB's log keeps that order.
///
/// A row that somebody writes meanwhile is left as he wrote it, until the next sweep. Rows that are damaged
/// go; those of a newer version stay.
class cache_sweep {
 public:
  static constexpr int steps = 2 * 256;

  struct ports {
    key_value_store& rows;
    std::function<bool(const digest&)> shown;             ///< kept without the cache
    std::function<void(std::span<const digest>)> keep;    ///< contents of the results that stay
    std::function<bool()> stopping;                       ///< asked before each step
    std::function<void(int step)> progress = [](int) {};  ///< after each
  };
  explicit cache_sweep(ports with) : with_(std::move(with)) {}

  /// Blocks. Errors: cancelled (it was stopping), io, out_of_space.
  result<cache_sweep_summary> run(const cache_sweep_options& options);

 private:
  struct seen_row {
    std::string key, bytes;
    std::optional<std::string> wanted;
  };
  result<void> each_slice(int done, const std::function<result<void>(std::string_view prefix)>& look);
  result<void> trim_slice(std::string_view prefix, cache_eviction& eviction, cache_sweep_summary& out,
                          bool dry_run);
  result<void> write(const std::vector<seen_row>& changed);

  ports with_;
};

}  // namespace graphite
