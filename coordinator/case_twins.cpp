#include "coordinator/case_twins.hpp"

#include <algorithm>

#include "core/logical_path.hpp"
#include "core/path_text.hpp"

namespace graphite {

namespace {

bool may_fold(std::string_view name) {
  return std::any_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte >= 'A' && byte <= 'Z');
  });
}

/// The name with its case taken away, in its folder as it is.
std::string folded(std::string_view path) {
  const auto name = path.rfind('/') + 1;  // 0 where there is none
  std::string out(path.substr(0, name));
  return out += case_fold(path.substr(name));
}

std::uint64_t hash_of(std::string_view fold) { return id_of_path_text(fold).value; }

}  // namespace

case_twins::names case_twins::add(std::string_view path) {
  names changed;
  if (!is_folder(path)) appear(path, changed);
  for (auto folder = path; !folder.empty();) {
    folder = folder_of(folder);
    auto found = below_.find(folder);
    if (found == below_.end()) found = below_.emplace(folder, 0u).first;
    if (++found->second > 1) break;
    if (!folder.empty() && !is_file_(folder)) appear(folder, changed);
  }
  return changed;
}

case_twins::names case_twins::remove(std::string_view path) {
  names changed;
  if (!is_folder(path)) vanish(path, changed);
  for (auto folder = path; !folder.empty();) {
    folder = folder_of(folder);
    const auto found = below_.find(folder);
    if (--found->second > 0) break;
    below_.erase(found);
    if (!folder.empty() && !is_file_(folder)) vanish(folder, changed);
  }
  return changed;
}

bool case_twins::hides(std::string_view path) const {
  if (hidden_.empty()) return false;
  for (auto name = path; !name.empty(); name = folder_of(name))
    if (hidden_.contains(name)) return true;
  return false;
}

std::string case_twins::twin_of(std::string_view name) const {
  if (!hidden_.contains(name)) return {};
  auto others = twins(name);
  return others.empty() ? std::string() : others.front();
}

/// Other names of the same folder that are there now, ascending.
case_twins::names case_twins::twins(std::string_view path) const {
  names out;
  if (folded_.empty() && !may_fold(path)) return out;
  const auto fold = folded(path);
  const auto [first, last] = folded_.equal_range(hash_of(fold));
  for (auto one = first; one != last; ++one)
    if (one->second != path && folded(one->second) == fold) out.push_back(one->second);
  if (fold != path && (is_file_(fold) || is_folder(fold))) out.push_back(fold);
  std::sort(out.begin(), out.end());
  return out;
}

void case_twins::appear(std::string_view path, names& changed) {
  if (may_fold(path))
    if (const auto fold = folded(path); fold != path) folded_.emplace(hash_of(fold), path);
  const auto others = twins(path);
  if (others.empty()) return;
  if (hidden_.emplace(path).second) changed.emplace_back(path);
  if (others.size() == 1 && hidden_.insert(others.front()).second) changed.push_back(others.front());
}

void case_twins::vanish(std::string_view path, names& changed) {
  if (may_fold(path)) {
    const auto [first, last] = folded_.equal_range(hash_of(folded(path)));
    const auto own = std::find_if(first, last, [&](const auto& one) { return one.second == path; });
    if (own != last) folded_.erase(own);
  }
  const auto found = hidden_.find(path);
  if (found == hidden_.end()) return;
  hidden_.erase(found);
  changed.emplace_back(path);
  const auto others = twins(path);
  if (others.size() == 1 && hidden_.erase(others.front()) > 0) changed.push_back(others.front());
}

}  // namespace graphite
