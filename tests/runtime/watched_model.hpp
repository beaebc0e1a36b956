#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "core/path_text.hpp"
#include "core/ports/tree_watcher.hpp"

namespace graphite {

/// "+created", "~modified", ".writing", "=closed", "-deleted", "new<old" (moved), "folder/", "!" (overflow).
inline std::string to_text(const fs_event& e) {
  switch (e.kind) {
    case fs_event_kind::created:
      return "+" + e.path;
    case fs_event_kind::modified:
      return "~" + e.path;
    case fs_event_kind::writing:
      return "." + e.path;
    case fs_event_kind::closed:
      return "=" + e.path;
    case fs_event_kind::deleted:
      return "-" + e.path;
    case fs_event_kind::moved:
      return e.path + "<" + e.old_path;
    case fs_event_kind::folder:
      return e.path + "/";
    case fs_event_kind::overflow:
      return "!";
    case fs_event_kind::cookie:
      return "cookie";
  }
  return "?";
}

namespace test {

/// The event that to_text() would show as `text`.
inline fs_event event_of(std::string_view text, time_point when = {}) {
  const auto of = [&](fs_event_kind kind) { return fs_event{kind, std::string(text.substr(1)), {}, when}; };
  if (text == "!") return {fs_event_kind::overflow, {}, {}, when};
  if (text.ends_with('/'))
    return {fs_event_kind::folder, std::string(text.substr(0, text.size() - 1)), {}, when};
  if (const auto arrow = text.find('<'); arrow != text.npos)
    return {fs_event_kind::moved, std::string(text.substr(0, arrow)), std::string(text.substr(arrow + 1)),
            when};
  switch (text.front()) {
    case '+':
      return of(fs_event_kind::created);
    case '.':
      return of(fs_event_kind::writing);
    case '=':
      return of(fs_event_kind::closed);
    case '-':
      return of(fs_event_kind::deleted);
    default:
      return of(fs_event_kind::modified);
  }
}

inline std::vector<std::string> texts_of(const std::vector<fs_event>& events) {
  std::vector<std::string> out;
  for (const auto& e : events) out.push_back(to_text(e));
  return out;
}

/// Files and which contents they have, as a number that is never used twice.
class model_tree {
 public:
  using files = std::map<std::string, int>;
  explicit model_tree(files at_first = {}) : files_(std::move(at_first)) {}

  /// What the system reports of an act; nothing where it cannot be done. Acts: create, write, delete, move,
  /// bring (from outside), take (to the outside).
  std::optional<fs_event> create(const std::string& path) {
    if (files_.contains(path)) return {};
    files_[path] = next_++;
    return fs_event{fs_event_kind::created, path, {}, {}};
  }
  std::optional<fs_event> write(const std::string& path) {
    if (!files_.contains(path)) return {};
    files_[path] = next_++;
    return fs_event{fs_event_kind::closed, path, {}, {}};
  }
  std::optional<fs_event> remove(const std::string& path) {
    if (files_.erase(path) == 0) return {};
    return fs_event{fs_event_kind::deleted, path, {}, {}};
  }
  std::optional<fs_event> move(const std::string& from, const std::string& to) {
    if (from == to || !files_.contains(from)) return {};
    files_[to] = files_.extract(from).mapped();
    return fs_event{fs_event_kind::moved, to, from, {}};
  }
  std::optional<fs_event> bring(const std::string& to) {
    files_[to] = next_++;
    return fs_event{fs_event_kind::moved, to, {}, {}};
  }
  const files& now() const { return files_; }

 private:
  files files_;
  int next_ = 1'000;
};

/// Somebody who believes what he is told, and reads what is there where he is told to.
class model_listener {
 public:
  explicit model_listener(model_tree::files known = {}) : known_(std::move(known)) {}

  /// Complains of kinds that do not fit what he knows; for events that come to what they should.
  void hear_strictly(const fs_event& e, const model_tree::files& now) {
    const bool knows = known_.contains(e.path);
    EXPECT_FALSE(e.kind == fs_event_kind::created && knows) << to_text(e) << ", which he knows";
    EXPECT_FALSE(e.kind == fs_event_kind::modified && !knows) << to_text(e) << ", which he does not know";
    EXPECT_FALSE(now.contains(e.old_path)) << to_text(e) << ", which is still there";
    hear(e, now);
  }
  void hear(const fs_event& e, const model_tree::files& now) {
    switch (e.kind) {
      case fs_event_kind::created:
      case fs_event_kind::modified:
        return look(e.path, now);
      case fs_event_kind::deleted:
        known_.erase(e.path);
        return;
      case fs_event_kind::moved:
        known_.erase(e.old_path);
        return look(e.path, now);
      case fs_event_kind::folder:
        std::erase_if(known_, [&](const auto& one) { return is_at_or_below(one.first, e.path); });
        for (const auto& one : now)
          if (is_at_or_below(one.first, e.path)) known_.insert(one);
        return;
      case fs_event_kind::overflow:
        known_ = now;
        return;
      default:
        ADD_FAILURE() << to_text(e) << " is not for him";
    }
  }
  void look(const std::string& path, const model_tree::files& now) {
    if (const auto found = now.find(path); found != now.end())
      known_[path] = found->second;
    else
      known_.erase(path);
  }
  const model_tree::files& known() const { return known_; }

 private:
  model_tree::files known_;
};

}  // namespace test
}  // namespace graphite
