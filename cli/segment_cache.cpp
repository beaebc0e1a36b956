#include "cli/segment_cache.hpp"

#include <algorithm>

#include "core/units.hpp"
#include "platform/store/index_row.hpp"

namespace graphite {

namespace {

constexpr unsigned copied_below_percent = 75;
constexpr std::uint64_t ended_at_bytes = 1 * MiB;  ///< an open segment that holds less is left as it is

result<void> collect_all(segment_store& store) {
  GRAPHITE_CHECK(store.end_segment(ended_at_bytes));
  while (true) {
    GRAPHITE_TRY(const auto step, store.gc_step([](segment_id) { return false; }));
    if (!step.more) return {};
  }
}

}  // namespace

result<void> keep_only(segment_store& store, const std::function<std::vector<digest>()>& kept) {
  store.begin_gc(copied_below_percent);
  store.mark(kept());
  auto done = collect_all(store);
  store.end_gc();
  return done;
}

result<void> each_content(const key_value_store& rows, const std::function<void(const content_ref&)>& visit) {
  return rows.scan(table::chunk_index, "", [&](std::string_view key, std::string_view row) {
    digest content;
    if (key.size() != content.bytes.size()) return true;
    std::copy(key.begin(), key.end(), content.bytes.begin());
    if (const auto known = decode_index_row(content, row)) visit(known->ref);
    return true;
  });
}

}  // namespace graphite
