#include <algorithm>

#include "coordinator/engine_state.hpp"

// Cycles of build edges: found when edges change, reported with their whole path.

namespace graphite {

using impl = engine_impl;

namespace {

/// Strongly connected components of the producers' graph, upstream from given actions. Not recursive: chains
/// may be long.
class upstream_search {
 public:
  upstream_search(const graph& nodes, std::uint64_t& visited) : nodes_(nodes), visited_(visited) {}

  void from(action_index start) {
    if (index_.count(start) != 0) return;
    open(start);
    while (!path_.empty()) step();
  }
  const std::vector<std::vector<action_index>>& found() const { return found_; }

  std::vector<action_index> upstream(action_index a) const {
    std::vector<action_index> out;
    const auto add = [&](artefact_index input) {
      if (const auto by = nodes_.producer(input); by != no_index) out.push_back(by);
    };
    for (const auto edge : nodes_.inputs(a)) {
      if (!edge.group()) {
        add(edge.index());
      } else {
        for (const auto member : nodes_.members(edge.index())) add(member);
      }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

 private:
  struct frame {
    action_index action;
    std::vector<action_index> next;
    std::size_t at = 0;
  };

  void open(action_index a) {
    ++visited_;
    index_[a] = low_[a] = count_++;
    stack_.push_back(a);
    on_stack_.insert(a);
    path_.push_back({a, upstream(a), 0});
  }

  void step() {
    auto& top = path_.back();
    if (top.at < top.next.size()) {
      const auto next = top.next[top.at++];
      const auto a = top.action;
      if (index_.count(next) == 0) return open(next);
      if (on_stack_.count(next) != 0) low_[a] = std::min(low_[a], index_[next]);
      return;
    }
    const auto a = top.action;
    const bool self = std::binary_search(top.next.begin(), top.next.end(), a);
    path_.pop_back();
    if (!path_.empty()) low_[path_.back().action] = std::min(low_[path_.back().action], low_[a]);
    if (low_[a] != index_[a]) return;
    std::vector<action_index> members;
    while (true) {
      const auto member = stack_.back();
      stack_.pop_back();
      on_stack_.erase(member);
      members.push_back(member);
      if (member == a) break;
    }
    if (members.size() == 1 && !self) return;
    std::sort(members.begin(), members.end());
    found_.push_back(std::move(members));
  }

  const graph& nodes_;
  std::uint64_t& visited_;
  std::map<action_index, std::uint32_t> index_, low_;
  std::set<action_index> on_stack_;
  std::vector<action_index> stack_;
  std::vector<frame> path_;
  std::vector<std::vector<action_index>> found_;
  std::uint32_t count_ = 0;
};

/// A shortest way from `start` back to itself inside `members`.
std::vector<action_index> shortest_cycle(const upstream_search& search,
                                         const std::vector<action_index>& members) {
  const auto start = members.front();
  std::map<action_index, action_index> came;
  std::deque<action_index> open{start};
  while (!open.empty()) {
    const auto at = open.front();
    open.pop_front();
    for (const auto next : search.upstream(at)) {
      if (next == start) {
        std::vector<action_index> way{at};
        while (way.back() != start) way.push_back(came.at(way.back()));
        std::reverse(way.begin(), way.end());
        return way;
      }
      if (std::binary_search(members.begin(), members.end(), next) && came.emplace(next, at).second)
        open.push_back(next);
    }
  }
  return {start};
}

}  // namespace

std::vector<action_index> impl::cycle_partners(action_index a) const {
  const auto own = cycle_of.find(a);
  if (own == cycle_of.end()) return {};
  std::vector<action_index> out;
  for (const auto& [other, artefacts] : cycle_of)
    if (other != a && artefacts == own->second) out.push_back(other);
  return out;
}

/// Looks for cycles through any of `planned`, whose edges changed; members of former cycles look again.
void impl::find_cycles(const std::set<action_index>& planned) {
  std::set<action_index> from;
  for (const auto a : planned) {
    if (!nodes.live(a)) continue;
    const auto partners = cycle_partners(a);
    from.insert(partners.begin(), partners.end());
    from.insert(a);
  }
  if (from.empty()) return;
  for (const auto a : from) {
    if (cycle_of.erase(a) == 0) continue;
    cycle_problems.erase(a);
    actions[a].broken = problems.count(a) != 0;
    stale(a, reason_kind::references, no_index, std::max(revision_now, 1u));
  }
  upstream_search search(nodes, counted.nodes_visited);
  for (const auto a : from) search.from(a);
  for (const auto& members : search.found()) {
    const auto way = shortest_cycle(search, members);
    std::vector<artefact_index> artefacts;
    std::string text = "cycle of build edges: ";
    for (const auto a : way) artefacts.push_back(nodes.main_input(a));
    for (const auto a : way) text += outputs_text(a) + " needs ";
    text += outputs_text(way.front());
    for (const auto a : members) {
      cycle_of[a] = artefacts;
      cycle_problems[a] = text;
      actions[a].broken = true;
      stale(a, reason_kind::outputs, no_index, revision_now);
    }
  }
}

std::string impl::outputs_text(action_index a) const {
  const auto outputs = nodes.outputs(a);
  return outputs.empty() ? "what is made of " + path(nodes.main_input(a)) : path(outputs.front());
}

}  // namespace graphite
