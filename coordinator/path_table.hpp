#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/error.hpp"
#include "core/logical_path.hpp"

namespace graphite {

using path_hash_function = asset_id (*)(std::string_view);

/// Every logical path a view speaks of, numbered from 0 in order of arrival; numbers are never given back.
///
/// Folders are stored once; a path costs its file name and about 28 bytes. Pure, one thread. Invariant: no
/// two paths have one asset_id. Bound: 2^28 paths, 4 GiB of names.
class path_table {
 public:
  static constexpr std::uint32_t none = 0xffffffffu;

  explicit path_table(path_hash_function hash = &id_of_path_text);

  /// Finds or adds. Errors: already_exists where another path has the same asset_id (names both). O(1).
  result<std::uint32_t> intern(std::string_view path) { return intern(path, hash_of(path)); }
  /// The same in steps, for whoever has many: the table is larger than the processor's caches, so hash all
  /// of them, prefetch_slot() each, prefetch_path() each, then intern. `hash` is hash_of(path).
  result<std::uint32_t> intern(std::string_view path, std::uint64_t hash);
  std::uint64_t hash_of(std::string_view path) const { return hash_(path).value; }
  void prefetch_slot(std::uint64_t hash) const {
    __builtin_prefetch(&slots_[static_cast<std::size_t>(hash) & (slots_.size() - 1)]);
  }
  void prefetch_path(std::uint64_t hash) const;
  std::uint32_t find(std::string_view path) const;
  std::size_t size() const { return folder_of_.size(); }

  std::string text(std::uint32_t path) const;
  std::string_view name(std::uint32_t path) const;
  std::uint32_t folder(std::uint32_t path) const { return folder_of_[path]; }

  /// Folders, the root is 0 and empty; a folder is known when a path lies directly in it.
  std::string_view folder_text(std::uint32_t folder) const { return folders_[folder]; }
  std::size_t folder_count() const { return folders_.size(); }
  std::uint32_t find_folder(std::string_view folder) const;
  /// Paths of a folder: the first and, of each, the next; `none` ends. Newest first.
  std::uint32_t first_in(std::uint32_t folder) const { return first_in_[folder]; }
  std::uint32_t next_in(std::uint32_t path) const { return next_in_[path]; }
  std::uint32_t count_in(std::uint32_t folder) const { return count_in_[folder]; }

  void reserve(std::size_t paths);

 private:
  std::uint32_t intern_folder(std::string_view folder);
  std::size_t slot_of(std::uint64_t hash, std::string_view folder, std::string_view name) const;
  bool equals(std::uint32_t path, std::string_view folder, std::string_view name) const;
  void grow();

  path_hash_function hash_;
  std::vector<std::uint32_t> slots_;   ///< open addressing, `none` is free
  std::vector<std::uint64_t> hashes_;  ///< by path
  std::vector<std::uint32_t> folder_of_, name_at_, next_in_;
  std::vector<char> names_;  ///< one length byte, then the name
  std::vector<std::string> folders_;
  std::vector<std::uint32_t> first_in_, count_in_;
  std::unordered_map<std::string_view, std::uint32_t> folder_index_;
  std::uint32_t last_folder_ = 0;  ///< paths come folder by folder
};

}  // namespace graphite
