#include "core/store_repair.hpp"

#include <algorithm>

namespace graphite {

void store_repair::came(const std::string& name, time_point) {
  stores_[name].alive = true;
  count_anew();
}

void store_repair::went(const std::string& name, time_point now) {
  const auto found = stores_.find(name);
  if (found == stores_.end() || !found->second.alive) return;
  found->second.alive = false;
  found->second.away_since = now;
  count_anew();
}

void store_repair::removed(const std::string& name) {
  if (!stores_.contains(name)) return;
  for (const auto& one : std::vector<copy>(under_way_.begin(), under_way_.end()))
    if (one.from == name || one.to == name) give_back(one);
  stores_.erase(name);
  for (auto& [id, of] : contents_) of.at.erase(name);
  count_anew();
}

void store_repair::holds(const content_ref& content, const std::string& name) {
  auto& of = contents_[content.id];
  of.content = content;
  of.at.insert(name);
  rank_anew(of);
}

void store_repair::lacks(const digest& content, const std::string& name) {
  const auto found = contents_.find(content);
  if (found == contents_.end()) return;
  found->second.at.erase(name);
  rank_anew(found->second);
}

void store_repair::forget(const digest& content) {
  const auto found = contents_.find(content);
  if (found == contents_.end()) return;
  if (found->second.wants) wanting_.erase({found->second.alive, content});
  contents_.erase(found);
}

/// After a change of the stores.
void store_repair::count_anew() {
  std::vector<std::string> names;
  for (auto& [name, one] : stores_) {
    if (one.alive) one.counts = true;
    if (one.counts) names.push_back(name);
  }
  choice_ = store_choice(std::move(names));
  for (auto& [id, of] : contents_) rank_anew(of);
}

/// Where a content belongs that it is not, and can be: on stores that are alive.
std::vector<std::string> store_repair::places_of(const entry& of) const {
  std::vector<std::string> out;
  for (auto& name : choice_.first_names(of.content.id, options_.copies))
    if (stores_.at(name).alive && !of.at.contains(name)) out.push_back(std::move(name));
  return out;
}

void store_repair::rank_anew(entry& of) {
  if (of.wants) wanting_.erase({of.alive, of.content.id});
  of.alive = static_cast<std::size_t>(std::count_if(of.at.begin(), of.at.end(), [this](const auto& name) {
    const auto found = stores_.find(name);
    return found != stores_.end() && found->second.alive;
  }));
  of.wants = of.alive > 0 && !places_of(of).empty();
  if (of.wants) wanting_.insert({of.alive, of.content.id});
}

void store_repair::expire_away(time_point now) {
  bool changed = false;
  for (auto& [name, one] : stores_) {
    if (one.alive || !one.counts || now - one.away_since < options_.away_max) continue;
    one.counts = false;
    changed = true;
  }
  if (changed) count_anew();
}

bool store_repair::has_room(const std::string& name) const {
  return stores_.at(name).under_way < options_.of_store_max;
}

/// Adds the copies of one content that may begin.
void store_repair::plan(const entry& of, std::vector<copy>& out) {
  for (const auto& to : places_of(of)) {
    if (under_way_.size() >= options_.under_way_max) break;
    const bool begun = std::any_of(of.at.begin(), of.at.end(), [&](const auto& from) {
      return under_way_.contains({of.content, from, to});
    });
    if (begun || !has_room(to)) continue;
    const std::string* from = nullptr;  // the least busy one, and of these the first by name
    for (const auto& name : of.at) {
      const auto found = stores_.find(name);
      if (found == stores_.end() || !found->second.alive || !has_room(name)) continue;
      if (from == nullptr || found->second.under_way < stores_.at(*from).under_way) from = &name;
    }
    if (from == nullptr) continue;
    ++stores_.at(*from).under_way;
    ++stores_.at(to).under_way;
    out.push_back(*under_way_.insert({of.content, *from, to}).first);
  }
}

std::vector<store_repair::copy> store_repair::next(time_point now) {
  expire_away(now);
  std::vector<copy> out;
  for (const auto& one : wanting_) {
    if (under_way_.size() >= options_.under_way_max) break;
    const auto& of = contents_.at(one.content);
    if (now >= of.not_before) plan(of, out);
  }
  return out;
}

/// False: it was not under way.
bool store_repair::give_back(const copy& which) {
  if (under_way_.erase(which) == 0) return false;
  --stores_.at(which.from).under_way;
  --stores_.at(which.to).under_way;
  return true;
}

void store_repair::ended(const copy& which, bool done, time_point now) {
  if (!give_back(which)) return;
  const auto found = contents_.find(which.content.id);
  if (found == contents_.end()) return;
  if (done) return holds(which.content, which.to);
  found->second.not_before = now + options_.retry_after;
}

std::vector<content_ref> store_repair::lost() const {
  std::vector<content_ref> out;
  for (const auto& [id, of] : contents_)
    if (of.alive == 0) out.push_back(of.content);
  return out;
}

}  // namespace graphite
