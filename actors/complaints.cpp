#include "actors/complaints.hpp"

#include "core/path_text.hpp"

namespace graphite {

bool complaint_book::add(const std::string& path, const std::string& text, source by) {
  const auto known = said_.find(path);
  if (known == said_.end() && said_.size() >= paths_max) return false;
  auto& entry = known == said_.end() ? said_[path] : known->second;
  entry.by = by;
  if (entry.text == text) return false;
  entry.text = text;
  return true;
}

std::vector<std::string> complaint_book::settle(std::string_view folder,
                                                const std::function<bool(const std::string&)>& keep) {
  std::vector<std::string> cured;
  // Names between "folder" and "folder/" sort in between: they are passed over, not the end.
  for (auto at = said_.lower_bound(folder); at != said_.end() && at->first.starts_with(folder);) {
    const bool over = at->second.by == source::look && is_at_or_below(at->first, folder) && !keep(at->first);
    if (over) cured.push_back(at->first);
    at = over ? said_.erase(at) : std::next(at);
  }
  return cured;
}

}  // namespace graphite
