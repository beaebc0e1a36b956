#include "coordinator/source_filter.hpp"

#include <algorithm>

#include "core/path_text.hpp"
#include "core/project_file_name.hpp"

namespace graphite {

namespace {

/// Whether any component of `path` is `name`.
bool has_component(std::string_view path, std::string_view name) {
  while (true) {
    const auto slash = path.find('/');
    if (path.substr(0, slash) == name) return true;
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
}

/// `state` relative to `root`; empty where it lies elsewhere.
std::string state_below(std::string_view root, std::string_view state) {
  while (root.size() > 1 && root.back() == '/') root.remove_suffix(1);
  while (state.size() > 1 && state.back() == '/') state.remove_suffix(1);
  if (root == "/") return std::string(state.substr(1));
  if (state.size() <= root.size() || !is_at_or_below(state, root)) return {};
  return std::string(state.substr(root.size() + 1));
}

}  // namespace

source_filter::source_filter(const project& spec)
    : state_(state_below(spec.root, spec.state)),
      include_(spec.include),
      ignore_(spec.ignore),
      gitignore_(spec.gitignore),
      recursive_(spec.watch.recursive) {}

void source_filter::set_ignore_file(std::string_view folder, std::string_view text) {
  rules_.remove(folder);
  if (gitignore_) rules_.add(folder, text);
}

void source_filter::drop_ignore_file(std::string_view folder) { rules_.remove(folder); }

bool source_filter::never_ours(std::string_view path) const {
  return has_component(path, ".git") || (!state_.empty() && is_at_or_below(path, state_));
}

bool source_filter::ignored_by_glob(std::string_view path) const {
  // A glob that takes a folder takes all that is in it.
  for (auto at = path; !at.empty(); at = folder_of(at))
    if (any_matches(ignore_, at)) return true;
  return false;
}

path_role source_filter::role_of(std::string_view path) const {
  if (path == git_lock_path) return path_role::git_lock;
  if (path.empty() || never_ours(path)) return path_role::none;
  if (!recursive_ && !folder_of(path).empty()) return path_role::none;
  if (file_name_of(path) == ignore_file_name)
    return gitignore_ && !prunes(folder_of(path)) ? path_role::ignore_file : path_role::none;
  if (path == project_file_name || ignored_by_glob(path) || rules_.ignored(path, false))
    return path_role::none;
  return include_.empty() || any_matches(include_, path) ? path_role::source : path_role::none;
}

path_role source_filter::role_in_walk(std::string_view path) const {
  const auto name = file_name_of(path);
  if (path == git_lock_path || path == project_file_name || name == ".git" || name == ignore_file_name)
    return role_of(path);
  if (path.empty() || (!state_.empty() && path == state_)) return path_role::none;
  if (any_matches(ignore_, path) || rules_.ignored_itself(path, false)) return path_role::none;
  return include_.empty() || any_matches(include_, path) ? path_role::source : path_role::none;
}

bool source_filter::prunes(std::string_view folder) const {
  if (folder.empty()) return false;
  if (!recursive_ || never_ours(folder) || ignored_by_glob(folder) || rules_.ignored(folder, true))
    return true;
  return !include_.empty() && std::none_of(include_.begin(), include_.end(),
                                           [&](const glob& g) { return g.may_match_below(folder); });
}

}  // namespace graphite
