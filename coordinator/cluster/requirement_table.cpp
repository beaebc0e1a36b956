#include "coordinator/cluster/requirement_table.hpp"

#include <algorithm>

namespace graphite {

namespace {

void sort_once(std::vector<std::string>& names) {
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace

result<requirement_index> requirement_table::intern(std::vector<std::string> names) {
  if (names.empty()) return 0;
  sort_once(names);
  if (const auto known = numbers_.find(names); known != numbers_.end()) return known->second;
  if (all_.size() >= requirements_max)
    return fail(errc::busy, std::to_string(requirements_max) + " requirements are known already");
  const auto made = numbers_.emplace(std::move(names), static_cast<requirement_index>(all_.size() + 1)).first;
  all_.push_back(&made->first);
  for (auto& node : nodes_) node.meets.push_back(std::ranges::includes(node.offers, made->first));
  return made->second;
}

void requirement_table::offer(node_index node, std::vector<std::string> names) {
  if (node >= nodes_.size()) {
    const auto before = nodes_.size();
    nodes_.resize(node + 1);
    for (auto at = before; at < nodes_.size(); ++at) nodes_[at].meets.resize(all_.size());
  }
  auto& one = nodes_[node];
  sort_once(names);
  one.offers = std::move(names);
  for (std::size_t i = 0; i < all_.size(); ++i) one.meets[i] = std::ranges::includes(one.offers, *all_[i]);
}

}  // namespace graphite
