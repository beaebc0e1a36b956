#include "actors/watcher_revision.hpp"

#include <atomic>

#include "core/path_text.hpp"

namespace graphite {

namespace {

source_use use_of(const watcher_state& state, const logical_path& path, bool small_revision) {
  source_use out;
  const auto* rule = state.with.config->rule_for(path.str());
  const bool copied = rule == nullptr || rule->transform == "copy";
  if (copied) out.bytes = small_revision ? source_use::keep::held : source_use::keep::stored;
  if (rule != nullptr) out.scan = state.with.scan(*rule, path);
  return out;
}

/// One path, as it is on the disk now. Nothing there and a failure: it is no source any more, for this
/// reason, or (`unread`) nobody knows.
struct reading {
  std::optional<stat_signature> there;
  std::optional<source_state> now;  ///< its content; not read of what is left out
  std::optional<error> failure;
  bool unread = false;
};

reading failed_reading(error why) {
  reading out;
  // A link that leads out, a FIFO: there is nothing to read, now or later.
  out.unread = why.code != errc::invalid_argument;
  out.failure = std::move(why);
  return out;
}

reading read_path(const watcher_state& state, const std::string& text, bool small_revision) {
  const auto path = logical_path::parse(text);
  if (!path) return {std::nullopt, std::nullopt, path.error(), true};
  if (state.with.filter->role_of(text) != path_role::source) return {};  // known, and ignored since
  if (state.hidden.contains(text)) {
    const auto info = state.with.files->info(*path);
    if (info && info->kind == file_kind::regular) return {info->signature, std::nullopt, std::nullopt, false};
  }
  auto now = state.with.ingest->ingest(*path, use_of(state, *path, small_revision));
  if (!now) return failed_reading(std::move(now).error());
  if (!*now) return {};
  const auto signature = (*now)->signature;
  return {signature, std::move(*now), std::nullopt, false};
}

std::vector<reading> read_all(const watcher_state& state, const std::vector<std::string>& paths) {
  std::vector<reading> out(paths.size());
  const bool small_revision = paths.size() <= watcher_state::held_changes_max;
  if (paths.size() <= 4) {
    for (std::size_t i = 0; i < paths.size(); ++i) out[i] = read_path(state, paths[i], small_revision);
    return out;
  }
  std::atomic<std::size_t> done = 0;
  state.with.parallel(paths.size(), [&](std::size_t i) {
    out[i] = read_path(state, paths[i], small_revision);
    state.with.on_progress(++done, paths.size(), paths[i]);
  });
  return out;
}

/// The links that lead to `path` or to a folder above it: they changed, too.
void append_links(const watcher_state& state, const std::string& path, std::vector<std::string>& out) {
  if (state.links.empty()) return;
  for (auto end = path.size(); end != std::string::npos && end > 0; end = path.rfind('/', end - 1)) {
    const auto [first, last] = state.links.equal_range(std::string_view(path).substr(0, end));
    for (auto link = first; link != last; ++link) out.push_back(link->second + path.substr(end));
  }
}

/// A file that has become a folder, or a folder that has become a file: what was there is gone in the same
/// revision, whenever its own deletion is told, because no program can be shown both.
void append_displaced(const watcher_state& state, const std::string& path, std::vector<std::string>& out) {
  if (state.known->mine().find(path) != nullptr) return;
  for (auto& gone : state.known->mine().displaced_by(path)) out.push_back(std::move(gone));
}

/// `paths` with all that changes with them, ascending.
std::vector<std::string> with_companions(const watcher_state& state, std::vector<std::string> paths) {
  const auto count = paths.size();
  for (std::size_t i = 0; i < count; ++i) {
    append_links(state, paths[i], paths);
    append_displaced(state, paths[i], paths);
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

std::vector<logical_path> open_sources(const watcher_state& state, std::vector<std::string> paths) {
  const auto count = paths.size();
  for (std::size_t i = 0; i < count; ++i) append_links(state, paths[i], paths);
  std::vector<logical_path> out;
  for (const auto& path : paths)
    if (auto parsed = logical_path::parse(path)) out.push_back(std::move(*parsed));
  std::sort(out.begin(), out.end());
  return out;
}

/// Known files at or below `name`.
std::vector<std::string> files_of(const known_sources& known, const std::string& name) {
  std::vector<std::string> out;
  if (known.find(name) != nullptr) out.push_back(name);
  for (const auto& folder : known.folders(name))
    for (const auto& one : known.files(folder)) out.push_back(join_path(folder, one.name));
  return out;
}

/// Turns readings into a revision. First all of them say which files there are; only then is it known which
/// of these are left out.
class revision_maker {
 public:
  revision_maker(watcher_self self, std::vector<fs_event>& again)
      : self_(self), state_(self->state), again_(again), made_(std::make_shared<revision>()) {
    flipped_.swap(state_.flipped);
  }

  void take(const std::vector<std::string>& paths, std::vector<reading> found) {
    for (std::size_t i = 0; i < paths.size(); ++i) note_presence(paths[i], found[i]);
    for (std::size_t i = 0; i < paths.size(); ++i) report(paths[i], found[i]);
    follow_twins();
    if (unhidden_.empty()) return;
    const auto back = std::exchange(unhidden_, {});
    take(back, read_all(state_, back));
  }

  std::shared_ptr<revision> finish(time_point noticed) {
    made_->times.noticed = noticed;
    // The two clocks are read one after the other. What is found at the start was not being watched.
    made_->times.edited = state_.revisions == 0 ? time_point{} : std::min(made_->times.edited, noticed);
    std::sort(made_->changes.begin(), made_->changes.end(),
              [](const source_change& a, const source_change& b) { return a.path < b.path; });
    return std::move(made_);
  }

 private:
  /// The graph knows of it.
  bool shown(const std::string& path) const {
    return state_.known->mine().find(path) != nullptr && !state_.hidden.contains(path);
  }

  void note_presence(const std::string& path, const reading& found) {
    note_changed(state_.rescan, path);
    if (found.failure)
      complain(self_, path, found.failure->context, complaint_book::source::reading);
    else if (state_.twins->twin_of(path).empty())
      take_back(self_, path);
    if (found.unread) return;
    if (shown(path)) was_shown_.insert(path);
    if (found.there) {
      const bool fresh = state_.known->mine().find(path) == nullptr;
      state_.known->put(path, *found.there);
      if (fresh) append(state_.twins->add(path));
    } else if (state_.known->erase(path)) {
      append(state_.twins->remove(path));
    }
  }

  void report(const std::string& path, reading& found) {
    if (found.unread) return report_unread(path, *found.failure);
    const bool was_unread = state_.unread.erase(path) > 0;
    if (!found.there) {
      state_.hidden.erase(path);
      if (was_shown_.contains(path) || was_unread) push(path, std::nullopt);
      return;  // otherwise it came and went
    }
    if (state_.twins->hides(path)) return hide(path, was_shown_.contains(path));
    if (!found.now) return unhidden(path);
    const auto age = std::max<std::int64_t>(0, state_.with.clock->unix_ns() - found.there->mtime_ns);
    made_->times.edited = std::max(made_->times.edited, state_.with.clock->now() - duration(age));
    push(path, std::move(found.now));
  }

  /// What is there but cannot be read keeps its former content.
  void report_unread(const std::string& path, const error& why) {
    const auto parsed = logical_path::parse(path);
    if (!parsed) return;
    state_.unread.insert(path);
    made_->unread.push_back({*parsed, why.context});
    if (why.code == errc::busy || why.code == errc::out_of_space)
      again_.push_back({fs_event_kind::modified, path, {}, state_.with.clock->now()});
  }

  /// Names whose twin came or went: what is at or below them goes or comes back.
  void follow_twins() {
    for (const auto& name : std::exchange(flipped_, {})) {
      if (const auto twin = state_.twins->twin_of(name); twin.empty())
        take_back(self_, name);
      else
        complain(self_, name, "skipped: differs only in case from another name (" + twin + ")",
                 complaint_book::source::reading);
      for (const auto& path : files_of(state_.known->mine(), name)) {
        const bool hidden = state_.hidden.contains(path);
        if (hidden == state_.twins->hides(path)) continue;
        if (hidden)
          unhidden(path);
        else
          hide(path, true);
      }
    }
  }

  void hide(const std::string& path, bool shown_before) {
    state_.hidden.insert(path);
    if (shown_before) push(path, std::nullopt);
  }

  void unhidden(const std::string& path) {
    state_.hidden.erase(path);
    unhidden_.push_back(path);
  }

  void push(const std::string& path, std::optional<source_state> now) {
    made_->changes.push_back({*logical_path::parse(path), std::move(now)});
  }

  void append(case_twins::names names) { flipped_.insert(names.begin(), names.end()); }

  watcher_self self_;
  watcher_state& state_;
  std::vector<fs_event>& again_;
  std::shared_ptr<revision> made_;
  std::set<std::string> was_shown_, flipped_;
  std::vector<std::string> unhidden_;
};

}  // namespace

void know_names(watcher_state& state) {
  state.twins.emplace(
      [&known = *state.known](std::string_view path) { return known.mine().find(path) != nullptr; });
  const auto& known = state.known->mine();
  for (const auto& folder : known.folders(""))
    for (const auto& one : known.files(folder)) {
      auto flips = state.twins->add(join_path(folder, one.name));
      state.flipped.insert(flips.begin(), flips.end());
    }
}

void send_revision(watcher_self self, std::vector<std::string> paths, std::vector<std::string> open,
                   time_point noticed, std::vector<fs_event>& again) {
  auto& state = self->state;
  paths = with_companions(state, std::move(paths));
  revision_maker maker(self, again);
  maker.take(paths, read_all(state, paths));
  const auto made = maker.finish(noticed);
  made->open = open_sources(state, std::move(open));
  made->id = revision_id{++state.revisions};
  made->trace = trace_id{state.with.random->next()};
  made->times.hashed = state.with.clock->now();
  if (made->changes.empty() && made->unread.empty() && state.revisions > 1) return;
  self->send(state.with.graph, atom::revise_v, revision_ptr(made));
}

}  // namespace graphite
