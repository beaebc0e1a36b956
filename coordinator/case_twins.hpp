#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace graphite {

/// Which names of a tree are left out because another name of their folder differs from them only in case:
/// which one would be meant depends on the machine. A name is a file's, or that of a folder with files at or
/// below it; with a folder all below it is left out.
///
/// Pure; one thread. What is left out follows from the files there are, not from the order in which they
/// came. About 100 bytes a folder and a name that has capitals.
class case_twins {
 public:
  /// Names that are left out from now on, or no longer.
  using names = std::vector<std::string>;

  /// `is_file`: whether there is a file of this path. Asked during add() and remove() only.
  explicit case_twins(std::function<bool(std::string_view path)> is_file) : is_file_(std::move(is_file)) {}

  /// A file has come (is_file says so already). O(depth) where its folder is new, else O(1).
  names add(std::string_view path);
  /// A file has gone (is_file says so already).
  names remove(std::string_view path);
  /// Whether a file, or a folder, is left out.
  bool hides(std::string_view path) const;
  /// One of the names by which `name` is left out; empty where that is not so.
  std::string twin_of(std::string_view name) const;

 private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  bool is_folder(std::string_view path) const { return below_.find(path) != below_.end(); }
  names twins(std::string_view path) const;
  void appear(std::string_view path, names& changed);
  void vanish(std::string_view path, names& changed);

  std::function<bool(std::string_view path)> is_file_;
  std::unordered_map<std::string, std::uint32_t, text_hash, std::equal_to<>> below_;  ///< names in folders
  std::unordered_multimap<std::uint64_t, std::string> folded_;  ///< names that are not their own fold
  std::set<std::string, std::less<>> hidden_;                   ///< names with a twin
};

}  // namespace graphite
