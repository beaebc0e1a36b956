#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "coordinator/revision.hpp"

namespace graphite {

/// Runs a revision_builder in virtual time the way a real caller does: keeps its one timer, answers its
/// questions at once, remembers what it closed. Times are milliseconds from the start.
class revision_driver {
 public:
  struct closed_revision {
    std::int64_t at_ms;
    std::vector<std::string> changes;  ///< "path", or "-path" where removed
    bool operator==(const closed_revision&) const = default;
  };

  explicit revision_driver(watch_spec watch = {}, std::size_t pending_max = 65'536) {
    revision_options options;
    options.watch = watch;
    options.pending_max = pending_max;
    options.role_of = [this](std::string_view path) { return filter.role_of(path); };
    options.settle_of = [this](std::string_view path) {
      for (const auto& [suffix, settle] : settles)
        if (path.ends_with(suffix)) return settle;
      return milliseconds(0);
    };
    options.known = [this](std::string_view path) { return known.contains(std::string(path)); };
    builder.emplace(std::move(options));
  }

  void event(fs_event_kind kind, std::string path, std::string old_path = {}) {
    batch({{kind, std::move(path), std::move(old_path), {}}});
  }
  void batch(std::vector<fs_event> events) {
    for (auto& e : events) e.when = at(now_ms);
    run(builder->apply(events, at(now_ms)));
  }
  void created(std::string path) { event(fs_event_kind::created, std::move(path)); }
  void modified(std::string path) { event(fs_event_kind::modified, std::move(path)); }
  void writing(std::string path) { event(fs_event_kind::writing, std::move(path)); }
  void closed(std::string path) { event(fs_event_kind::closed, std::move(path)); }
  void deleted(std::string path) { event(fs_event_kind::deleted, std::move(path)); }
  void moved(std::string from, std::string to) {
    event(fs_event_kind::moved, std::move(to), std::move(from));
  }

  /// Lets time pass, with every wake in its place.
  void advance_to(std::int64_t ms) {
    while (timer && *timer <= at(ms)) {
      const auto due = std::max(*timer, at(now_ms));
      now_ms = (to_ns(due) - to_ns(at(0)) + 999'999) / 1'000'000;
      timer.reset();
      ++wakes;
      run(builder->wake(at(now_ms)));
    }
    now_ms = ms;
  }
  void advance_by(std::int64_t ms) { advance_to(now_ms + ms); }

  void run(std::vector<revision_step> steps) {
    for (auto& step : steps) std::visit([this](auto& s) { execute(s); }, step);
    while (!answers.empty()) {
      const auto answer = std::move(answers.front());
      answers.pop_front();
      run(answer());
    }
  }
  void execute(revision_command::wake_at& s) { timer = s.when; }
  void execute(revision_command::close& s) {
    closed_revision made{now_ms, {}};
    for (const auto& c : s.changes) {
      made.changes.push_back((c.kind == change_kind::removed ? "-" : "") + c.path);
      if (c.kind == change_kind::removed)
        known.erase(c.path);
      else
        known.insert(c.path);
    }
    revisions.push_back(std::move(made));
    named_open.push_back(s.open);
  }
  void execute(revision_command::ask_open& s) {
    ++asks;
    if (!answer_asks) return;
    answers.push_back(
        [this, path = s.path] { return builder->open_answer(path, open.contains(path), at(now_ms)); });
  }
  void execute(revision_command::rescan& s) {
    rescans.push_back(s.folder);
    if (!answer_rescans) return;
    answers.push_back([this, f = s.folder] { return builder->rescanned(f, differences[f], at(now_ms)); });
  }
  void execute(revision_command::caught_up& s) { caught_up.push_back(s.cookie); }

  static time_point at(std::int64_t ms) { return time_from_ns(1'000'000'000) + milliseconds(ms); }

  source_filter filter{project{}};
  std::map<std::string, milliseconds> settles;
  std::set<std::string> known, open;
  std::map<std::string, std::vector<rescan_change>> differences;
  bool answer_asks = true, answer_rescans = true;

  std::vector<closed_revision> revisions;
  std::vector<std::vector<std::string>> named_open;  ///< by each of `revisions`
  std::vector<std::string> rescans, caught_up;
  std::optional<time_point> timer;
  std::size_t asks = 0, wakes = 0;
  std::int64_t now_ms = 0;
  std::optional<revision_builder> builder;
  std::deque<std::function<std::vector<revision_step>()>> answers;
};

inline void PrintTo(const revision_driver::closed_revision& r, std::ostream* out) {
  *out << "at " << r.at_ms << " ms:";
  for (const auto& c : r.changes) *out << ' ' << c;
}

}  // namespace graphite
