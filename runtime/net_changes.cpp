#include "runtime/net_changes.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace graphite {

void net_changes::note(const fs_event& event, std::uint64_t order) {
  switch (event.kind) {
    case fs_event_kind::created:
      appear(event.path, presence::absent);
      break;
    case fs_event_kind::modified:
    case fs_event_kind::writing:
    case fs_event_kind::closed:
      appear(event.path, presence::present);
      break;
    case fs_event_kind::deleted:
      remove(event.path);
      break;
    case fs_event_kind::moved:
      arrive(event.path, depart(event.old_path, event.path));
      break;
    default:
      GRAPHITE_INVARIANT(false && "a kind that is of no file");
  }
  for (const auto& path : {event.path, event.old_path}) {
    const auto noted = states_.find(path);
    if (noted == states_.end()) continue;
    noted->second.order = order;
    noted->second.when = event.when;
  }
}

/// Of a path that is not there: whether nobody need know that it was.
bool net_changes::untold(const state& of) { return of.before == presence::absent && !of.seen; }

/// The file that left is told as if it had come from elsewhere: its old place is taken.
void net_changes::come_back(state& of) {
  if (of.to.empty()) return;
  if (const auto gone = states_.find(of.to); gone != states_.end()) gone->second.from.clear();
  of.to.clear();
}

/// What was moved here is lost: the place that it came from has to tell so itself.
void net_changes::let_origin_go(state& of) {
  if (of.from.empty()) return;
  states_.find(of.from)->second.to.clear();
  of.from.clear();
}

void net_changes::appear(const std::string& path, presence before) {
  const auto [at, fresh] = states_.try_emplace(path);
  auto& s = at->second;
  if (fresh) s.before = before;
  come_back(s);
  s.there = true;
}

void net_changes::remove(const std::string& path) {
  const auto [at, fresh] = states_.try_emplace(path);
  auto& s = at->second;
  if (fresh) s.before = presence::present;
  let_origin_go(s);
  s.there = false;
  if (untold(s)) states_.erase(at);
}

/// The known path that whatever leaves `path` for `to` came from; empty where there is none.
std::string net_changes::depart(const std::string& path, const std::string& to) {
  if (path.empty() || path == to) return {};
  const auto [at, fresh] = states_.try_emplace(path);
  auto& s = at->second;
  if (fresh) {
    s.before = presence::present;
  } else if (!s.there) {
    return {};  // what left it was never reported
  }
  s.there = false;
  if (auto origin = std::exchange(s.from, {}); !origin.empty()) {
    states_.find(origin)->second.to = to;
    if (untold(s)) states_.erase(at);
    return origin;
  }
  if (untold(s)) {
    states_.erase(at);
    return {};
  }
  s.to = to;
  return path;
}

void net_changes::arrive(const std::string& path, const std::string& origin) {
  auto& s = states_[path];
  let_origin_go(s);
  if (origin == path)
    s.to.clear();  // it is back where it was
  else
    come_back(s), s.from = origin;
  s.there = true;
}

bool net_changes::would_be_missed(std::string_view path) const {
  const auto found = states_.find(path);
  if (found == states_.end()) return true;
  const auto& s = found->second;
  return s.there && (!s.from.empty() || !untold(s));
}

void net_changes::mark_seen(std::string_view path) {
  if (const auto found = states_.find(path); found != states_.end()) found->second.seen = true;
}

void net_changes::merge(net_changes&& other) {
  states_.merge(other.states_);
  GRAPHITE_INVARIANT(other.states_.empty());
}

std::vector<fs_event> net_changes::told() const {
  std::vector<std::pair<std::uint64_t, fs_event>> ordered;
  for (const auto& [path, s] : states_) {
    if (!s.to.empty()) continue;
    fs_event out{fs_event_kind::deleted, path, {}, s.when};
    if (s.there && (!s.from.empty() || s.before == presence::unknown)) {
      out.kind = fs_event_kind::moved;
      out.old_path = s.from;
    } else if (s.there) {
      out.kind = s.before == presence::absent ? fs_event_kind::created : fs_event_kind::modified;
    }
    ordered.emplace_back(s.order, std::move(out));
  }
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<fs_event> out;
  out.reserve(ordered.size());
  for (auto& [order, event] : ordered) out.push_back(std::move(event));
  return out;
}

}  // namespace graphite
