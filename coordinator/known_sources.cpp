#include "coordinator/known_sources.hpp"

#include <algorithm>

#include "core/path_text.hpp"

namespace graphite {

namespace {

template <class Files>
auto lower_bound_of(Files& files, std::string_view name) {
  return std::lower_bound(
      files.begin(), files.end(), name,
      [](const known_sources::file& f, std::string_view n) { return n.compare(f.name) > 0; });
}

}  // namespace

void known_sources::put(std::string_view path, const stat_signature& signature) {
  const auto folder = folder_of(path), name = file_name_of(path);
  auto at = folders_.find(folder);
  if (at == folders_.end()) at = folders_.emplace(std::string(folder), std::vector<file>{}).first;
  auto& files = at->second;
  const auto place = lower_bound_of(files, name);
  if (place != files.end() && place->name == name) {
    place->signature = signature;
    return;
  }
  files.insert(place, {std::string(name), signature});
  ++size_;
}

void known_sources::put_folder(std::string_view folder, std::vector<file> files) {
  if (const auto at = folders_.find(folder); at != folders_.end()) {
    size_ -= at->second.size();
    folders_.erase(at);
  }
  if (files.empty()) return;
  const auto by_name = [](const file& a, const file& b) { return a.name < b.name; };
  if (!std::is_sorted(files.begin(), files.end(), by_name)) std::sort(files.begin(), files.end(), by_name);
  size_ += files.size();
  folders_.emplace(std::string(folder), std::move(files));
}

bool known_sources::erase(std::string_view path) {
  const auto folder = folder_of(path), name = file_name_of(path);
  const auto at = folders_.find(folder);
  if (at == folders_.end()) return false;
  const auto place = lower_bound_of(at->second, name);
  if (place == at->second.end() || place->name != name) return false;
  at->second.erase(place);
  if (at->second.empty()) folders_.erase(at);
  --size_;
  return true;
}

const stat_signature* known_sources::find(std::string_view path) const {
  const auto folder = folder_of(path), name = file_name_of(path);
  const auto at = folders_.find(folder);
  if (at == folders_.end()) return nullptr;
  const auto place = lower_bound_of(at->second, name);
  return place != at->second.end() && place->name == name ? &place->signature : nullptr;
}

std::vector<std::string> known_sources::folders(std::string_view folder) const {
  std::vector<std::string> out;
  for (auto at = folders_.lower_bound(folder); at != folders_.end(); ++at) {
    if (is_at_or_below(at->first, folder))
      out.push_back(at->first);
    else if (at->first.compare(0, folder.size(), folder) != 0)
      break;
  }
  return out;
}

const std::vector<known_sources::file>& known_sources::files(std::string_view folder) const {
  static const std::vector<file> none;
  const auto at = folders_.find(folder);
  return at == folders_.end() ? none : at->second;
}

std::vector<std::string> known_sources::displaced_by(std::string_view path) const {
  std::vector<std::string> out;
  for (auto end = path.find('/'); end != std::string_view::npos; end = path.find('/', end + 1))
    if (find(path.substr(0, end)) != nullptr) out.emplace_back(path.substr(0, end));
  for (const auto& folder : folders(path))
    for (const auto& one : files(folder)) out.push_back(join_path(folder, one.name));
  return out;
}

}  // namespace graphite
