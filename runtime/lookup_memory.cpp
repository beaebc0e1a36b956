#include "runtime/lookup_memory.hpp"

#include <algorithm>
#include <iterator>

namespace graphite {

static lookup_cache table_for(const bundle_files& files, std::uint64_t assets) {
  const auto bytes = lookup_cache::bytes_for(assets);
  return {files.zeros(bytes), bytes};
}

lookup_memory::lookup_memory(const bundle_files& files, std::uint64_t assets)
    : shared_(table_for(files, assets)) {}

lookup_memory lookup_memory::after(const lookup_memory& before, const std::vector<asset_id>& changed,
                                   const std::function<asset_place(asset_id)>& place_of,
                                   const bundle_files& files, std::uint64_t assets) {
  lookup_memory out;
  std::vector<asset_id> apart;
  std::set_union(before.apart_ids_.begin(), before.apart_ids_.end(), changed.begin(), changed.end(),
                 std::back_inserter(apart));
  const auto now_of = [&](asset_id id) {
    return std::binary_search(changed.begin(), changed.end(), id) ? place_of(id) : before.apart_.find(id);
  };
  if (apart.size() > apart_max) {
    out.shared_ = table_for(files, assets);
    out.shared_.take_over(before.shared_);
    for (const auto id : apart) out.shared_.replace(id, now_of(id));
    return out;
  }
  out.shared_ = before.shared_;
  if (apart.empty()) return out;
  out.apart_ = table_for(files, apart.size());
  for (const auto id : apart) {
    if (const auto place = now_of(id); place.known()) out.apart_.put(id, place);
    out.filter_[filter_bit(id) / 64] |= std::uint64_t{1} << (filter_bit(id) % 64);
  }
  out.apart_ids_ = std::move(apart);
  return out;
}

}  // namespace graphite
