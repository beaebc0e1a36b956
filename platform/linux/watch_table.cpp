#include "platform/linux/watch_table.hpp"

#include "core/error.hpp"

namespace graphite {

watch_table::node watch_table::add(node parent, std::string_view name, int wd) {
  node n = none;
  if (free_.empty()) {
    n = static_cast<node>(nodes_.size());
    nodes_.emplace_back();
  } else {
    n = free_.back();
    free_.pop_back();
  }
  const auto [at, fresh] = names_.emplace(std::pair(parent, std::string(name)), n);
  const bool fresh_wd = by_wd_.emplace(wd, n).second;
  GRAPHITE_INVARIANT(fresh && fresh_wd);
  nodes_[n] = {at, wd};
  return n;
}

watch_table::node watch_table::child(node parent, std::string_view name) const {
  const auto found = names_.find(std::pair(parent, name));
  return found == names_.end() ? none : found->second;
}

watch_table::node watch_table::by_wd(int wd) const {
  const auto found = by_wd_.find(wd);
  return found == by_wd_.end() ? none : found->second;
}

watch_table::node watch_table::find(std::string_view path) const {
  node at = root();
  while (at != none && !path.empty()) {
    const auto slash = path.find('/');
    at = child(at, path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return at;
}

std::string watch_table::path(node n) const {
  std::vector<std::string_view> parts;
  for (; nodes_[n].at->first.first != none; n = nodes_[n].at->first.first)
    parts.push_back(nodes_[n].at->first.second);
  std::string out;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) (out.empty() ? out : out += '/') += *part;
  return out;
}

std::vector<std::string> watch_table::children(node n) const {
  std::vector<std::string> out;
  for (auto at = names_.lower_bound(std::pair(n, std::string_view{}));
       at != names_.end() && at->first.first == n; ++at)
    out.push_back(at->first.second);
  return out;
}

bool watch_table::relink(node n, node parent, std::string_view name) {
  for (auto above = parent; above != none; above = nodes_[above].at->first.first)
    if (above == n) return false;
  names_.erase(nodes_[n].at);
  const auto [at, fresh] = names_.emplace(std::pair(parent, std::string(name)), n);
  GRAPHITE_INVARIANT(fresh);
  nodes_[n].at = at;
  return true;
}

void watch_table::remove(node n, std::vector<int>& wds) {
  std::vector<node> todo{n};
  while (!todo.empty()) {
    const auto now = todo.back();
    todo.pop_back();
    for (auto at = names_.lower_bound(std::pair(now, std::string_view{}));
         at != names_.end() && at->first.first == now; ++at)
      todo.push_back(at->second);
    wds.push_back(nodes_[now].wd);
    by_wd_.erase(nodes_[now].wd);
    names_.erase(nodes_[now].at);
    free_.push_back(now);
  }
}

}  // namespace graphite
