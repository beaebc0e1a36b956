#include "runtime/event_debouncer.hpp"

#include <algorithm>
#include <iterator>

#include "core/path_text.hpp"

namespace graphite {

namespace {

/// How long after a look an event may come that happened before its end.
constexpr seconds event_lag{1};
/// More looks at once than this count as one look at everything.
constexpr std::size_t looks_max = 64;

fs_event_kind told_kind(fs_event_kind kind) {
  const bool written = kind == fs_event_kind::closed || kind == fs_event_kind::writing;
  return written ? fs_event_kind::modified : kind;
}

}  // namespace

void event_debouncer::note(fs_event event) {
  if (event.kind == fs_event_kind::cookie || lost_) return;
  const auto when = event.when;
  if (event.kind == fs_event_kind::overflow) return lose(when);
  if (event.kind == fs_event_kind::folder)
    note_folder(std::move(event));
  else if (options_.coalesce)
    note_coalesced(std::move(event));
  else
    note_each(std::move(event));
  if (held() > options_.held_max) lose(when);
}

void event_debouncer::lose(time_point when) noexcept {
  groups_.clear();
  names_.clear();
  telling_.clear();
  each_ = 0;
  if (!lost_) lost_ = when;
}

// ---- noting

void event_debouncer::note_folder(fs_event event) {
  const auto when = event.when;
  auto& to = group_of(event.path + "/", when);
  if (options_.coalesce) {
    each_ -= to.each.size();
    to.each.clear();
  }
  add_to_each(to, std::move(event));
  happened(to, when);
}

void event_debouncer::note_each(fs_event event) {
  const auto when = event.when;
  auto* to = &group_of(event.path, when);
  if (!event.old_path.empty() && event.old_path != event.path)
    to = &join(*to, group_of(event.old_path, when));
  const bool over = !to->each.empty() && to->each.back().event.kind == fs_event_kind::writing &&
                    to->each.back().event.path == event.path &&
                    told_kind(event.kind) == fs_event_kind::modified;
  if (over) {
    to->each.pop_back();
    --each_;
  }
  add_to_each(*to, std::move(event));
  happened(*to, when);
}

void event_debouncer::note_coalesced(fs_event event) {
  auto* to = &group_of(event.path, event.when);
  if (event.kind == fs_event_kind::moved && !event.old_path.empty() && event.old_path != event.path) {
    auto* const from = find(event.old_path);
    if (from == nullptr || from->net.would_be_missed(event.old_path)) {
      to = &join(*to, group_of(event.old_path, event.when));
    } else {
      from->net.note({fs_event_kind::deleted, event.old_path, {}, event.when}, next_order_);
      settle_name(*from, event.old_path);
      if (from != to) drop_if_empty(*from);
      event.old_path.clear();
    }
  }
  const bool fresh = !to->net.names(event.path);
  to->net.note(event, next_order_);
  if (fresh && may_have_seen(event.path, event.when)) to->net.mark_seen(event.path);
  settle_name(*to, event.path);
  if (!event.old_path.empty()) settle_name(*to, event.old_path);
  happened(*to, event.when);
  drop_if_empty(*to);
}

void event_debouncer::add_to_each(group& to, fs_event event) {
  to.each.push_back({next_order_, std::move(event)});
  ++each_;
}

// ---- groups

event_debouncer::group* event_debouncer::find(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : found->second;
}

/// The one that has `name`, or a new one.
event_debouncer::group& event_debouncer::group_of(const std::string& name, time_point when) {
  if (auto* const known = find(name)) return *known;
  auto made = std::make_unique<group>();
  auto& out = *made;
  out.names.insert(name);
  out.first = out.last = when;
  out.at = {due_of(when, when), next_order_++};
  const auto at = groups_.emplace(out.at, std::move(made)).first;
  names_.emplace(name, at->second.get());
  return out;
}

event_debouncer::group& event_debouncer::join(group& a, group& b) {
  if (&a == &b) return a;
  auto& into = a.names.size() >= b.names.size() ? a : b;
  const auto gone = groups_.extract((&into == &a ? b : a).at);
  auto& from = *gone.mapped();
  for (const auto& name : from.names) names_.find(name)->second = &into;
  into.names.merge(from.names);
  into.net.merge(std::move(from.net));
  const auto middle = static_cast<std::ptrdiff_t>(into.each.size());
  std::move(from.each.begin(), from.each.end(), std::back_inserter(into.each));
  std::inplace_merge(into.each.begin(), into.each.begin() + middle, into.each.end(),
                     [](const auto& x, const auto& y) { return x.order < y.order; });
  into.first = std::min(into.first, from.first);
  into.last = std::max(into.last, from.last);
  return into;
}

/// A name that has nothing to tell any more, or has again.
void event_debouncer::settle_name(group& in, const std::string& name) {
  if (in.net.names(name)) return;
  names_.erase(name);
  in.names.erase(name);
}

/// The group is due anew.
void event_debouncer::happened(group& to, time_point when) {
  auto node = groups_.extract(to.at);
  to.first = std::min(to.first, when);
  to.last = std::max(to.last, when);
  to.at = {due_of(to.first, to.last), next_order_++};
  node.key() = to.at;
  groups_.insert(std::move(node));
}

void event_debouncer::drop_if_empty(group& what) {
  if (what.names.empty()) groups_.erase(what.at);
}

time_point event_debouncer::due_of(time_point first, time_point last) const {
  const auto quiet = last + options_.quiet;
  return options_.max_delay == duration{} ? quiet : std::min(quiet, first + options_.max_delay);
}

// ---- telling

std::optional<fs_event> event_debouncer::take(time_point now) {
  if (std::exchange(looking_, false)) looks_.back().until = now + event_lag;
  if (lost_ && due_of(*lost_, *lost_) <= now) {
    fs_event overflow{fs_event_kind::overflow, {}, {}, *lost_};
    lost_.reset();
    return told(std::move(overflow), now);
  }
  while (telling_.empty()) {
    if (groups_.empty() || groups_.begin()->first.first > now) return {};
    tell(*groups_.begin()->second);
  }
  auto out = std::move(telling_.front());
  telling_.pop_front();
  return told(std::move(out), now);
}

/// Ends the group.
void event_debouncer::tell(group& what) {
  for (auto& event : what.net.told()) telling_.push_back(std::move(event));
  for (auto& [order, event] : what.each) {
    event.kind = told_kind(event.kind);
    telling_.push_back(std::move(event));
  }
  each_ -= what.each.size();
  for (const auto& name : what.names) names_.erase(name);
  groups_.erase(what.at);
}

/// Somebody looks at what is there, now and until the next take().
std::optional<fs_event> event_debouncer::told(fs_event event, time_point now) {
  if (event.kind != fs_event_kind::folder && event.kind != fs_event_kind::overflow) return event;
  std::erase_if(looks_, [&](const look& one) { return one.until < now; });
  const bool too_many = looks_.size() >= looks_max;
  if (too_many) looks_.clear();
  looks_.push_back({too_many ? std::string{} : event.path, time_point::max()});
  looking_ = true;
  mark_seen(event.path);
  return event;
}

void event_debouncer::mark_seen(const std::string& folder) {
  const auto below = folder.empty() ? std::string{} : folder + "/";
  for (auto at = names_.lower_bound(below); at != names_.end() && at->first.starts_with(below); ++at)
    at->second->net.mark_seen(at->first);
}

bool event_debouncer::may_have_seen(std::string_view path, time_point when) const {
  return std::any_of(looks_.begin(), looks_.end(),
                     [&](const look& one) { return when <= one.until && is_at_or_below(path, one.folder); });
}

std::optional<time_point> event_debouncer::next() const {
  if (!telling_.empty()) return time_point::min();
  if (lost_) return due_of(*lost_, *lost_);
  if (!groups_.empty()) return groups_.begin()->first.first;
  return {};
}

}  // namespace graphite
