#include "cli/segment_cache.hpp"

#include "core/units.hpp"

namespace graphite {

namespace {

constexpr unsigned copied_below_percent = 75;
constexpr std::uint64_t ended_at_bytes = 1 * MiB;  ///< an open segment that holds less is left as it is

result<void> collect_all(segment_store& cache) {
  GRAPHITE_CHECK(cache.end_segment(ended_at_bytes));
  while (true) {
    GRAPHITE_TRY(const auto step, cache.gc_step([](segment_id) { return false; }));
    if (!step.more) return {};
  }
}

}  // namespace

result<void> keep_only(segment_store& cache, std::span<const digest> kept) {
  cache.begin_gc(copied_below_percent);
  cache.mark(kept);
  auto done = collect_all(cache);
  cache.end_gc();
  return done;
}

}  // namespace graphite
