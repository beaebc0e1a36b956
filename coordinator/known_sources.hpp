#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/file_reader.hpp"

namespace graphite {

/// Which files a view has and what stat said of each when it was last read: what a rescan compares with.
///
/// Pure value. Files are kept per folder, ascending by name. About 100 bytes a file.
class known_sources {
 public:
  struct file {
    std::string name;
    stat_signature signature;
  };

  /// Inserts or replaces. O(log folders + files of the folder).
  void put(std::string_view path, const stat_signature& signature);
  /// Replaces all files of a folder; `files` in any order, each name once. O(files · log files).
  void put_folder(std::string_view folder, std::vector<file> files);
  /// False where it was not known.
  bool erase(std::string_view path);
  const stat_signature* find(std::string_view path) const;
  std::size_t size() const { return size_; }

  /// Folders with files at or below `folder`, ascending.
  std::vector<std::string> folders(std::string_view folder) const;
  /// Files directly in `folder`, ascending; empty where there are none.
  const std::vector<file>& files(std::string_view folder) const;
  /// What cannot be a file any more where `path` is one: the files below it, and those it would be below.
  std::vector<std::string> displaced_by(std::string_view path) const;

 private:
  std::map<std::string, std::vector<file>, std::less<>> folders_;
  std::size_t size_ = 0;
};

}  // namespace graphite
