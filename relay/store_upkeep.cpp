#include "relay/store_upkeep.hpp"

#include <algorithm>

namespace graphite {

void store_upkeep::place(const std::vector<std::string>& here, std::size_t copies, duration away,
                         time_point now) {
  std::set<std::string> fresh(here.begin(), here.end());
  fresh.insert(self_);
  bool came = copies != copies_;
  for (const auto& name : fresh) came = came || !here_.contains(name);
  for (auto& [name, one] : known_) {
    if (one.here && !fresh.contains(name)) one.away_since = now;
    one.here = fresh.contains(name);
  }
  for (const auto& name : fresh) known_[name].here = true;
  here_ = fresh;
  copies_ = copies;
  away_ = away;
  if (came) begin_pass(now);
  expire_away(now);
}

/// Nobody waits any more for those that have been away for too long.
void store_upkeep::expire_away(time_point now) {
  const auto gone = std::erase_if(
      known_, [&](const auto& one) { return !one.second.here && now - one.second.away_since >= away_; });
  if (gone != 0) begin_pass(now);
}

/// From the beginning, where one is under way.
void store_upkeep::begin_pass(time_point now) {
  std::vector<std::string> names;
  for (const auto& [name, one] : known_) names.push_back(name);
  choice_ = store_choice(std::move(names));
  round_ = round::first;
  gone_ = settled_.size() == 0 ? 0 : copies_ - 1;
  last_.reset();
  looked_at_ = 0;
  failures_ = false;
  pass_at_ = now + options_.every;
}

/// How many of the stores that had it do not count any more.
std::size_t store_upkeep::gone_of(const digest& content) const {
  std::size_t out = 0;
  for (const auto at : settled_.first(content, copies_)) out += known_.contains(settled_.names()[at]) ? 0 : 1;
  return std::min(out, copies_ - 1);
}

bool store_upkeep::wants(const content_ref& content) const {
  const auto places = choice_.first(content.id, choice_.size());
  bool others = false;  // somebody else who should have it can be asked
  std::string senior;   // who had it before this pass, first of the order
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto& name = choice_.names()[places[i]];
    if (!here_.contains(name)) continue;
    if (i < copies_ && name != self_) others = true;
    const bool had = settled_.size() == 0 || std::ranges::binary_search(settled_.names(), name);
    if (senior.empty() && had) senior = name;
  }
  if (!others) return false;
  if (round_ == round::second) return true;
  return (senior == self_ || senior.empty()) && gone_of(content.id) == gone_;
}

/// False: there is nothing to look at now. One more look over all of them begins, or the pass has ended.
bool store_upkeep::go_on(time_point now) {
  if (round_ == round::none) return false;
  if (round_ == round::first && gone_ > 0) {
    --gone_;
    last_.reset();
    return true;
  }
  if (round_ == round::first) {
    round_ = round::second;
    second_at_ = now + options_.second_after;
    last_.reset();
    return false;
  }
  round_ = round::none;
  if (failures_)
    pass_at_ = now + options_.failed_after;
  else
    settled_ = choice_;
  return false;
}

store_upkeep::batch store_upkeep::next(const store_ledger& has, time_point now) {
  expire_away(now);
  if (round_ == round::none && pass_at_ && now >= *pass_at_) begin_pass(now);
  batch out;
  if (round_ == round::none || (round_ == round::second && now < second_at_)) {
    out.waits = true;
    return out;
  }
  const auto some = has.after(last_, options_.looked_at_max);
  for (const auto& content : some) {
    last_ = content.id;
    ++looked_at_;
    if (wants(content)) out.contents.push_back(content);
    if (out.contents.size() == options_.batch_max) break;
  }
  // The end is looked at once all before it was looked after.
  if (out.contents.empty() && some.size() < options_.looked_at_max) out.waits = !go_on(now);
  return out;
}

std::uint64_t store_upkeep::to_check(const store_ledger& has) const {
  if (round_ == round::none) return failures_ ? has.size() : 0;
  const std::uint64_t all = has.size() * ((settled_.size() == 0 ? 1 : copies_) + 1);
  return std::max<std::uint64_t>(all - std::min(all, looked_at_), 1);
}

bool store_upkeep::belongs_here(const digest& content) const {
  if (choice_.size() == 0) return true;
  const auto first = choice_.first(content, copies_);
  return std::ranges::any_of(first, [&](const auto at) { return choice_.names()[at] == self_; });
}

}  // namespace graphite
