#include "runtime/change_set.hpp"

#include <algorithm>

namespace graphite {

std::vector<asset_id> change_set::all() const {
  std::vector<asset_id> out;
  out.reserve(size());
  for (const auto* const list : {&added, &changed, &removed})
    for (const auto id : *list) out.push_back({id});
  std::sort(out.begin(), out.end());
  return out;
}

change_set sort_changes(const generation& before, const asset_changes& records,
                        std::pmr::memory_resource* memory) {
  change_set out(memory);
  mapped_asset there;
  for (const auto& record : records.upserts) {
    const auto id = record.id();
    (before.find(id, there) == lookup_result::found ? out.changed : out.added).push_back(id.value);
  }
  for (const auto& path : records.removals) out.removed.push_back(id_of(path).value);
  for (auto* const list : {&out.added, &out.changed, &out.removed}) std::sort(list->begin(), list->end());
  return out;
}

result<change_set> changes_between(const generation& before, const generation& after,
                                   std::pmr::memory_resource* memory) {
  GRAPHITE_TRY(const auto older, before.tree());
  GRAPHITE_TRY(const auto newer, after.tree());
  GRAPHITE_TRY(const auto records, changes_between(older, newer));
  return sort_changes(before, records, memory);
}

}  // namespace graphite
