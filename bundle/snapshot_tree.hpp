#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/tree_snapshot.hpp"

namespace graphite {

/// The files of a view as they come, go and change, and the snapshot of them: the same as build_snapshot() of
/// the same files.
///
/// Pure; one thread. A change costs the names of its folder and of those above; memory is O(files), of which
/// no object is kept.
class snapshot_tree {
 public:
  explicit snapshot_tree(const hasher& hash, const snapshot_limits& limits = {});

  /// A file that is new or another. Errors: invalid_argument (it is a folder, or a file is a folder of it:
  /// erase that first), too_large (over the limits).
  result<void> put(const logical_path& path, const content_ref& content, bool executable);
  /// False: there was none.
  bool erase(const logical_path& path);
  std::size_t files() const { return files_; }

  /// Objects that a folder has got since the last root(), and those that it has.
  struct changed_folder {
    std::string path;  ///< without its last `/`
    std::vector<std::pair<content_ref, byte_vector>> fresh;
    std::vector<content_ref> objects;  ///< ascending; none: the folder is gone
  };
  /// The snapshot now. Folders that changed are told, those before the ones that list them. Errors:
  /// invalid_argument (names that differ only in case): what was told stays, and it is tried again.
  result<content_ref> root(const std::function<void(changed_folder&&)>& tell);

  /// Of a folder, as of the last root(): its objects with their bytes, made again; its files; the paths of
  /// its folders. Nothing where it is not there (any more).
  struct look {
    std::vector<std::pair<content_ref, byte_vector>> objects;
    std::vector<snapshot_file> files;
    std::vector<std::string> folders;
  };
  look look_into(std::string_view folder) const;

 private:
  struct entry {
    snapshot_entry::kind what = snapshot_entry::kind::file;
    content_ref content;
    bool operator==(const entry&) const = default;
  };
  struct folder {
    std::map<std::string, entry, std::less<>> names;
    std::vector<content_ref> objects;  ///< ascending
  };
  using folders = std::map<std::string, folder, std::less<>>;

  bool is_file(const logical_path& path) const;
  result<folder*> folder_for(std::string_view path);
  void mark(std::string_view path);
  result<void> settle(const std::string& path, const std::function<void(changed_folder&&)>& tell);
  void settle_in_parent(const std::string& path, const content_ref& object);
  snapshot_entries entries_of(const folder& of) const;

  const hasher* hash_;
  snapshot_limits limits_;
  folders folders_;                                       ///< the root, and all that have names
  std::map<std::size_t, std::set<std::string>> changed_;  ///< by how deep they lie
  content_ref root_;
  std::size_t files_ = 0;
};

}  // namespace graphite
