#pragma once

#include <string>
#include <string_view>

#include "core/glob.hpp"
#include "core/project.hpp"

namespace graphite {

/// What a path below the root means to the watcher.
enum class path_role {
  none,         ///< not ours: ignored, in `.git`, in the state folder, not in `include`
  source,       ///< a file of the view
  ignore_file,  ///< a `.gitignore`: its change calls for another look at its folder
  git_lock,     ///< `.git/index.lock`: git is at work while it exists
};

inline constexpr std::string_view ignore_file_name = ".gitignore";
inline constexpr std::string_view git_lock_path = ".git/index.lock";

/// Which files of a root are sources: the project's `include` and `ignore` globs and the ignore files.
///
/// Pure value: copy it, change the copy, publish it as `shared_ptr<const source_filter>`; then any thread
/// may ask. Never sources: the state folder, every `.git`, ignore files, the project file at the root.
///
/// How a changed ignore file gets here: the revision builder answers an event on a path of role
/// `ignore_file` with `rescan{its folder}`. Whoever executes that reads the file, calls
/// set_ignore_file() or drop_ignore_file() on a copy, publishes the copy (the watcher's prune predicate
/// asks the published one), calls inotify_watcher::refresh(folder) so that watches follow, and compares
/// the folder: files that are ignored now come out as gone, others as new.
class source_filter {
 public:
  explicit source_filter(const project& spec);

  /// `text` replaces what was known for `folder` (empty: the root). Does nothing where the project says
  /// `gitignore = false`. O(lines).
  void set_ignore_file(std::string_view folder, std::string_view text);
  void drop_ignore_file(std::string_view folder);

  /// `path` is relative, as the file system names it. O(depth · patterns).
  path_role role_of(std::string_view path) const;
  /// The same where the folder of `path` is known not to be pruned, as in a walk. O(patterns).
  path_role role_in_walk(std::string_view path) const;
  bool is_source(std::string_view path) const { return role_of(path) == path_role::source; }
  /// True where nothing in or below `folder` can be a source: a walk or watch skips it. The root never is.
  bool prunes(std::string_view folder) const;

 private:
  bool never_ours(std::string_view path) const;
  bool ignored_by_glob(std::string_view path) const;

  std::string state_;  ///< state folder relative to the root; empty: outside of it
  std::vector<glob> include_, ignore_;
  bool gitignore_ = true, recursive_ = true;
  ignore_rules rules_;
};

}  // namespace graphite
