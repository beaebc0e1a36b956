#include "coordinator/path_table.hpp"

#include <algorithm>

#include "core/path_text.hpp"

namespace graphite {

path_table::path_table(path_hash_function hash) : hash_(hash), slots_(16, none) { intern_folder({}); }

void path_table::reserve(std::size_t paths) {
  hashes_.reserve(paths);
  folder_of_.reserve(paths);
  name_at_.reserve(paths);
  next_in_.reserve(paths);
  while (slots_.size() < paths * 3 / 2) grow();
}

std::uint32_t path_table::intern_folder(std::string_view folder) {
  if (last_folder_ < folders_.size() && folders_[last_folder_] == folder) return last_folder_;
  if (const auto known = folder_index_.find(folder); known != folder_index_.end())
    return last_folder_ = known->second;
  const auto index = static_cast<std::uint32_t>(folders_.size());
  if (folders_.size() == folders_.capacity()) {
    // The index's keys point into the strings: short ones move with the vector.
    folders_.reserve(std::max<std::size_t>(64, folders_.size() * 2));
    folder_index_.clear();
    for (std::uint32_t i = 0; i < index; ++i) folder_index_.emplace(folders_[i], i);
  }
  folders_.emplace_back(folder);
  first_in_.push_back(none);
  count_in_.push_back(0);
  folder_index_.emplace(folders_.back(), index);
  return last_folder_ = index;
}

std::uint32_t path_table::find_folder(std::string_view folder) const {
  const auto known = folder_index_.find(folder);
  return known == folder_index_.end() ? none : known->second;
}

std::string_view path_table::name(std::uint32_t path) const {
  const auto at = name_at_[path];
  return {names_.data() + at + 1, static_cast<unsigned char>(names_[at])};
}

std::string path_table::text(std::uint32_t path) const {
  const auto& folder = folders_[folder_of_[path]];
  std::string out;
  const auto file = name(path);
  out.reserve(folder.size() + 1 + file.size());
  out = folder;
  if (!out.empty()) out += '/';
  return out += file;
}

bool path_table::equals(std::uint32_t path, std::string_view folder, std::string_view file) const {
  return name(path) == file && folders_[folder_of_[path]] == folder;
}

std::size_t path_table::slot_of(std::uint64_t hash, std::string_view folder, std::string_view file) const {
  const auto mask = slots_.size() - 1;
  auto at = static_cast<std::size_t>(hash) & mask;
  while (slots_[at] != none && !(hashes_[slots_[at]] == hash && equals(slots_[at], folder, file)))
    at = (at + 1) & mask;
  return at;
}

std::uint32_t path_table::find(std::string_view path) const {
  const auto folder = folder_of(path), file = file_name_of(path);
  return slots_[slot_of(hash_(path).value, folder, file)];
}

void path_table::grow() {
  std::vector<std::uint32_t> bigger(slots_.size() * 2, none);
  const auto mask = bigger.size() - 1;
  for (const auto path : slots_) {
    if (path == none) continue;
    auto at = static_cast<std::size_t>(hashes_[path]) & mask;
    while (bigger[at] != none) at = (at + 1) & mask;
    bigger[at] = path;
  }
  slots_.swap(bigger);
}

void path_table::prefetch_path(std::uint64_t hash) const {
  const auto path = slots_[static_cast<std::size_t>(hash) & (slots_.size() - 1)];
  if (path == none) return;
  __builtin_prefetch(&hashes_[path]);
  __builtin_prefetch(&name_at_[path]);
  __builtin_prefetch(&folder_of_[path]);
}

result<std::uint32_t> path_table::intern(std::string_view path, std::uint64_t hash) {
  if ((size() + 1) * 3 > slots_.size() * 2) grow();
  const auto folder = folder_of(path), file = file_name_of(path);
  const auto at = slot_of(hash, folder, file);
  if (slots_[at] != none) return slots_[at];
  const auto mask = slots_.size() - 1;
  for (auto i = static_cast<std::size_t>(hash) & mask; i != at; i = (i + 1) & mask)
    if (hashes_[slots_[i]] == hash)
      return fail(errc::already_exists, std::string(path) + " and " + text(slots_[i]) +
                                            " have the same asset id: rename one of them");
  GRAPHITE_INVARIANT(file.size() <= 255 && names_.size() < 0xffffff00u);
  const auto index = static_cast<std::uint32_t>(size());
  const auto in = intern_folder(folder);
  slots_[at] = index;
  hashes_.push_back(hash);
  folder_of_.push_back(in);
  name_at_.push_back(static_cast<std::uint32_t>(names_.size()));
  names_.push_back(static_cast<char>(file.size()));
  names_.insert(names_.end(), file.begin(), file.end());
  next_in_.push_back(first_in_[in]);
  first_in_[in] = index;
  ++count_in_[in];
  return index;
}

}  // namespace graphite
