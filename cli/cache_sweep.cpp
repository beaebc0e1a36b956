#include "cli/cache_sweep.hpp"

#include "core/kill_point.hpp"

namespace graphite {

/// Keys are digests: their first byte cuts them into 256 about equal slices.
result<void> cache_sweep::each_slice(int done,
                                     const std::function<result<void>(std::string_view prefix)>& look) {
  for (int slice = 0; slice < 256; ++slice) {
    if (with_.stopping()) return fail(errc::cancelled, "the process ends");
    const char first = static_cast<char>(slice);
    GRAPHITE_CHECK(look({&first, 1}));
    with_.progress(done + slice + 1);
  }
  return {};
}

result<cache_sweep_summary> cache_sweep::run(const cache_sweep_options& options) {
  cache_sweep_summary out;
  cache_eviction eviction(options.bounds, options.now_unix_ms, with_.shown);
  GRAPHITE_CHECK(each_slice(0, [&](std::string_view prefix) {
    return with_.rows.scan(table::action_cache, prefix, [&](std::string_view, std::string_view bytes) {
      if (const auto row = decode_cache_row(bytes)) {
        out.results += row->results.size();
        eviction.see(*row);
      }
      return true;
    });
  }));
  eviction.decide();
  GRAPHITE_CHECK(each_slice(steps / 2, [&](std::string_view prefix) {
    return trim_slice(prefix, eviction, out, options.dry_run);
  }));
  out.bytes = eviction.bytes();
  out.bytes_dropped = eviction.bytes() - eviction.bytes_kept();
  return out;
}

result<void> cache_sweep::trim_slice(std::string_view prefix, cache_eviction& eviction,
                                     cache_sweep_summary& out, bool dry_run) {
  std::vector<seen_row> changed;
  std::vector<digest> live;
  GRAPHITE_CHECK(
      with_.rows.scan(table::action_cache, prefix, [&](std::string_view key, std::string_view bytes) {
        auto row = decode_cache_row(bytes);
        if (!row && row.error().code == errc::newer_version) return true;
        cache_eviction::trimmed how{true, 0};
        if (row) how = eviction.trim(*row);
        out.results_dropped += how.dropped;
        if (how.changed)
          changed.push_back({std::string(key), std::string(bytes),
                             row && !row->results.empty() ? std::optional(encode(*row)) : std::nullopt});
        if (row)
          for (const auto& one : row->results)
            every_content(one, [&](const content_ref& content) { return live.push_back(content.id), true; });
        return true;
      }));
  with_.keep(live);
  return dry_run ? result<void>{} : write(changed);
}

result<void> cache_sweep::write(const std::vector<seen_row>& changed) {
  std::vector<row_write> rows;
  for (const auto& one : changed) {
    GRAPHITE_TRY(const auto now, with_.rows.get(table::action_cache, one.key));
    if (now && *now == one.bytes) rows.push_back({table::action_cache, one.key, one.wanted});
  }
  if (rows.empty()) return {};
  GRAPHITE_KILL_POINT("cache.before_rows");
  GRAPHITE_CHECK(with_.rows.write(rows, key_value_store::durability::lazy));
  GRAPHITE_KILL_POINT("cache.after_rows");
  return {};
}

}  // namespace graphite
