#include "coordinator/cluster/poison_table.hpp"

#include <algorithm>

namespace graphite {

void poison_table::add(entry what) {
  const name key{what.tenant, what.key};
  if (!reasons_.emplace(key, std::move(what.reason)).second) return;
  order_.push_back(key);
  if (order_.size() <= entries_max_) return;
  reasons_.erase(order_.front());
  order_.pop_front();
}

const std::string* poison_table::find(tenant_index tenant, const digest& key) const {
  const auto found = reasons_.find({tenant, key});
  return found == reasons_.end() ? nullptr : &found->second;
}

bool poison_table::forgive(tenant_index tenant, const digest& key) {
  const name gone{tenant, key};
  if (reasons_.erase(gone) == 0) return false;
  order_.erase(std::find(order_.begin(), order_.end(), gone));
  return true;
}

std::vector<poison_table::entry> poison_table::list() const {
  std::vector<entry> out;
  for (const auto& one : order_) out.push_back({one.first, one.second, reasons_.at(one)});
  return out;
}

}  // namespace graphite
