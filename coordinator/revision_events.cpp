#include <algorithm>
#include <functional>

#include "coordinator/revision.hpp"
#include "core/path_text.hpp"

/// \file What events do to the pending paths. What follows from that is decided in revision.cpp.

namespace graphite {

namespace {

/// Whether the bytes are as their writer wants them.
bool is_finished(fs_event_kind kind) { return kind == fs_event_kind::closed || kind == fs_event_kind::moved; }

}  // namespace

void revision_builder::note(const fs_event& event, time_point t, steps& out) {
  switch (event.kind) {
    case fs_event_kind::cookie:
      cookies_.push_back({event.path, next_order_++});
      return;
    case fs_event_kind::overflow:
      storm_ = true;
      degrade(t);
      return;
    case fs_event_kind::folder:
      note_folder(event.path, t + options_.watch.debounce, t);
      return;
    default:
      break;
  }
  std::optional<time_point> renamed_due;
  if (event.kind == fs_event_kind::moved && !event.old_path.empty()) renamed_due = note_moved_away(event, t);
  switch (options_.role_of(event.path)) {
    case path_role::none:
      return;
    case path_role::git_lock:
      note_lock(event.kind, t);
      return;
    case path_role::ignore_file:
      note_folder(folder_of(event.path), is_finished(event.kind) ? t : t + options_.watch.debounce, t);
      return;
    case path_role::source:
      break;
  }
  if (!options_.watch.coalesce_events) close_before_repeat(event.path, t, out);
  note_source(event, renamed_due, t);
}

void revision_builder::note_lock(fs_event_kind kind, time_point t) {
  if (!git_lock_) lock_stale_ = false;
  git_lock_ = kind != fs_event_kind::deleted;
  lock_seen_ = lock_seen_ || lock_counts();
  last_event_ = std::max(last_event_, t);
}

/// `renamed_due`: when the name that a known source had before may be reported as removed.
void revision_builder::note_source(const fs_event& event, std::optional<time_point> renamed_due,
                                   time_point t) {
  count_for_storm(event.path, t);
  touch(t);
  if (event.kind != fs_event_kind::modified && event.kind != fs_event_kind::writing)
    settle_until_ = std::max(settle_until_, t + options_.settle_of(event.path));
  if (covered_by_root_rescan()) return;
  if (event.kind == fs_event_kind::deleted) return note_removed(event.path, t);
  const bool fresh = pending_.find(event.path) == pending_.end();
  auto& e = entry_for(event.path, t);
  const bool arrived = event.kind == fs_event_kind::created || event.kind == fs_event_kind::moved;
  if (fresh && arrived) e.born = !options_.known(event.path);
  note_written(e, event.kind, t);
  e.renamed = renamed_due.has_value();
  if (renamed_due) e.due = *renamed_due;
  if (pending_.size() + rescans_.size() > options_.pending_max) degrade(t);
}

void revision_builder::note_written(entry& e, fs_event_kind kind, time_point t) {
  switch (kind) {
    case fs_event_kind::closed:
      set_phase(e, phase::ready);
      e.due = e.born ? t + options_.newborn : t;
      return;
    case fs_event_kind::moved:
      set_phase(e, phase::ready);
      e.due = t;
      return;
    case fs_event_kind::created:
      set_phase(e, phase::unsure);
      e.due = t;
      return;
    default:
      // A writer that is known to be at it changes nothing; its close will come.
      if (e.at == phase::open) return;
      set_phase(e, phase::unsure);
      e.due = t + options_.watch.debounce;
  }
}

void revision_builder::note_removed(std::string_view path, time_point t) {
  const auto found = pending_.find(path);
  if (found != pending_.end() && found->second.born) {
    erase(found);
    return;
  }
  auto& e = entry_for(path, t);
  set_phase(e, phase::removed);
  e.due = t + options_.watch.debounce;
}

/// The old name's side of a rename. Where that is a source that was known before, under this name or the
/// one before this: when its removal is due.
std::optional<time_point> revision_builder::note_moved_away(const fs_event& event, time_point t) {
  const auto due = t + options_.watch.debounce;
  switch (options_.role_of(event.old_path)) {
    case path_role::none:
      return {};
    case path_role::git_lock:
      note_lock(fs_event_kind::deleted, t);
      return {};
    case path_role::ignore_file:
      note_folder(folder_of(event.old_path), due, t);
      return {};
    case path_role::source:
      break;
  }
  count_for_storm(event.old_path, t);
  touch(t);
  if (covered_by_root_rescan()) return {};
  std::optional<time_point> renamed_due;
  if (const auto found = pending_.find(event.old_path); found != pending_.end() && found->second.born) {
    if (found->second.renamed) renamed_due = found->second.due;
  } else if (options_.known(event.old_path)) {
    renamed_due = due;
  }
  note_removed(event.old_path, t);
  return renamed_due;
}

void revision_builder::note_folder(std::string_view folder, time_point due, time_point t) {
  touch(t);
  if (covered_by_root_rescan()) return;
  auto found = rescans_.find(folder);
  if (found == rescans_.end())
    found = rescans_.emplace(std::string(folder), folder_entry{due, next_order_++}).first;
  auto& f = found->second;
  f.again = f.asked;
  f.due = std::max(f.due, due);
  if (pending_.size() + rescans_.size() > options_.pending_max) degrade(t);
}

revision_builder::entry& revision_builder::entry_for(std::string_view path, time_point t) {
  auto found = pending_.find(path);
  if (found == pending_.end()) {
    found = pending_.emplace(std::string(path), entry{}).first;
    found->second.noticed = t;
    found->second.order = next_order_++;
  }
  return found->second;
}

void revision_builder::count_for_storm(std::string_view path, time_point t) {
  if (storm_) return;
  const auto& watch = options_.watch;
  std::erase_if(window_, [&](const seen_path& s) { return s.when + watch.storm_window < t; });
  const auto hash = std::hash<std::string_view>{}(path);
  const auto same =
      std::find_if(window_.begin(), window_.end(), [&](const seen_path& s) { return s.hash == hash; });
  if (same != window_.end()) {
    same->when = t;
    return;
  }
  window_.push_back({hash, t});
  if (window_.size() <= watch.storm_files) return;
  storm_ = true;
  window_.clear();
}

void revision_builder::touch(time_point t) {
  last_event_ = std::max(last_event_, t);
  if (!since_) since_ = t;
}

void revision_builder::set_phase(entry& e, phase to) {
  asked_ += (to == phase::asked) - (e.at == phase::asked);
  open_ += (to == phase::open) - (e.at == phase::open);
  e.at = to;
}

revision_builder::entries::iterator revision_builder::erase(entries::iterator at) {
  set_phase(at->second, phase::unsure);
  return pending_.erase(at);
}

/// Forgets what is pending in favour of a rescan of the root.
void revision_builder::degrade(time_point t) {
  touch(t);
  auto& root = rescans_.try_emplace(std::string{}, folder_entry{t, next_order_}).first->second;
  for (const auto& [path, e] : pending_) root.order = std::min(root.order, e.order);
  for (const auto& [path, f] : rescans_) root.order = std::min(root.order, f.order);
  ++next_order_;
  root.again = root.asked;
  root.due = std::max(root.due, t);
  pending_.clear();
  asked_ = open_ = 0;
  std::erase_if(rescans_, [](const auto& item) { return !item.first.empty() && !item.second.asked; });
}

bool revision_builder::covered_by_root_rescan() const {
  const auto root = rescans_.find(std::string_view{});
  return root != rescans_.end() && (!root->second.asked || root->second.again);
}

}  // namespace graphite
