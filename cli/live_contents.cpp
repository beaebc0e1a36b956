#include "cli/live_contents.hpp"

#include <vector>

#include "coordinator/action_key.hpp"
#include "coordinator/result_contents.hpp"

namespace graphite {

result<void> mark_generations(kept_archive& archive, const content_marker& mark) {
  GRAPHITE_TRY(const auto kept, archive.kept());
  if (kept.empty()) return {};
  std::vector<digest> live;
  const auto take = [&](const asset_record& record) {
    for (const auto& part : record.parts) live.push_back(part.content.id);
    return true;
  };
  const auto& newest = kept.back().tree;
  GRAPHITE_CHECK(newest.for_each([&](const located_asset& asset) { return take(asset.record); }));
  for (const auto& generation : kept) {
    if (!generation.now.behind.is_zero()) live.push_back(generation.now.behind);
    GRAPHITE_CHECK(diff(newest, generation.tree, [&](const asset_record*, const asset_record* older) {
      return older == nullptr || take(*older);
    }));
  }
  mark(live);
  return {};
}

result<void> mark_results(const key_value_store& rows, const content_marker& mark,
                          const std::function<bool()>& stopping) {
  result_contents results;
  std::vector<digest> live;
  result<void> bad;
  const auto keep = [&](const digest& content) { live.push_back(content); };
  GRAPHITE_CHECK(rows.scan(table::graph, "", [&](std::string_view key, std::string_view row) {
    bad = results.see(key, row, keep);
    mark(std::exchange(live, {}));
    return bad.has_value() && !stopping();
  }));
  GRAPHITE_CHECK(bad);
  results.finish(keep);
  mark(live);
  return {};
}

result<void> mark_cache(const key_value_store& rows, const content_marker& mark,
                        const std::function<bool()>& stopping) {
  std::vector<digest> live;
  return rows.scan(table::action_cache, "", [&](std::string_view, std::string_view bytes) {
    const auto row = decode_cache_row(bytes);
    if (row)
      for (const auto& one : row->results)
        every_content(one, [&](const content_ref& content) { return live.push_back(content.id), true; });
    mark(std::exchange(live, {}));
    return !stopping();
  });
}

}  // namespace graphite
