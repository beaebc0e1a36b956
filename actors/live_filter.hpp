#pragma once

#include <map>
#include <shared_mutex>

#include "coordinator/source_filter.hpp"
#include "core/ports/file_reader.hpp"

namespace graphite {

/// The view's source_filter while the tree changes: reads ignore files when their folder is first asked
/// about, so that a walk from the root down always knows the rules above it. Thread-safe.
class live_filter {
 public:
  live_filter(std::shared_ptr<const project> spec, const file_reader& files);

  /// Whether a walk or watch may skip `folder`; reads its ignore file otherwise. Ask parents first.
  bool prunes(std::string_view folder);
  path_role role_of(std::string_view path) const;

  /// For a walk from the root down that has looked into the folder of what it asks about: what prunes() and
  /// role_of() say, without a look at the disk or at the folders above. It calls learn() with each folder
  /// that has an ignore file before it asks about what is in it.
  bool prunes_in_walk(std::string_view folder) const;
  path_role role_in_walk(std::string_view path) const;
  void learn(std::string_view folder);

  /// Reads the ignore file of `folder` (empty: the root) again; true where it says something else than
  /// before.
  bool reload(std::string_view folder);

 private:
  static constexpr std::size_t ignore_file_bytes_max = 1 * MiB;
  std::optional<std::string> read_ignore_file(std::string_view folder) const;
  bool adopt(std::string_view folder, const std::optional<std::string>& text);

  std::shared_ptr<const project> spec_;
  const file_reader& files_;
  mutable std::shared_mutex mutex_;
  source_filter filter_;
  std::map<std::string, std::string, std::less<>> texts_;  ///< of the ignore files, by folder
};

}  // namespace graphite
