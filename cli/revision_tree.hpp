#pragma once

#include <string>

#include "core/error.hpp"
#include "core/ports/process_runner.hpp"

namespace graphite {

/// The files of one git commit, in a folder of their own for as long as the object lives. Runs `git`; the
/// repository's own index and working tree stay as they are.
class revision_tree {
 public:
  /// The tree of `revision` of the repository that `project_folder` lies in, written to the folder `into`,
  /// which must not hold anything of worth. Errors: invalid_argument (no repository, no such commit, no
  /// project file in it), not_found (no git), io.
  static result<revision_tree> check_out(process_runner& processes, const std::string& project_folder,
                                         const std::string& revision, const std::string& into);
  revision_tree(revision_tree&& other) noexcept;
  revision_tree& operator=(revision_tree&&) = delete;
  ~revision_tree();

  /// The project's folder in the tree.
  const std::string& project_folder() const { return project_folder_; }
  /// Its full name, 40 or 64 hexadecimal digits.
  const std::string& commit() const { return commit_; }

 private:
  revision_tree() = default;
  std::string folder_, project_folder_, commit_;
};

}  // namespace graphite
