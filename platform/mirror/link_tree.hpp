#pragma once

#include <string>

#include "core/error.hpp"
#include "core/logical_path.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// A folder whose files are hard links to objects. Each call may be repeated: the outcome is the same.
class link_tree {
 public:
  /// `home` is the folder it lies in and outlives it; made where it is missing.
  static result<link_tree> open(int home, const std::string& name);

  /// `path` becomes a link to `object` (relative to home); other paths keep what they show, readers of
  /// this one see the old file or the new one. Errors: not_found (no such object), out_of_space, io.
  /// `over`: something is probably there; saves a system call, the outcome is the same.
  result<void> place(const logical_path& path, const std::string& object, bool over = false);
  /// Nothing is at `path` any more; folders that became empty go, too.
  result<void> remove(const logical_path& path);
  /// Starts from an empty folder; the old one gets the name `trash`.
  result<void> replace(const std::string& trash);

 private:
  link_tree(int home, std::string name, owned_fd folder)
      : home_(home), name_(std::move(name)), folder_(std::move(folder)) {}
  result<void> make_parents(const logical_path& path);
  result<void> place_over(const logical_path& path, const std::string& object);
  int exchange(const logical_path& path);
  int link(const std::string& object, int to_folder, const std::string& to);

  int home_;
  std::string name_;
  owned_fd folder_;
};

}  // namespace graphite
