#include <algorithm>

#include "core/glob.hpp"
#include "core/glob_match.hpp"

namespace graphite {

namespace {

std::string_view trim_line(std::string_view text) {
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  while (!text.empty() && text.back() == ' ' && !(text.size() > 1 && text[text.size() - 2] == '\\'))
    text.remove_suffix(1);
  return text;
}

}  // namespace

void ignore_rules::add(std::string_view folder, std::string_view file_text) {
  while (!file_text.empty()) {
    const auto end = std::min(file_text.find('\n'), file_text.size());
    auto text = trim_line(file_text.substr(0, end));
    file_text.remove_prefix(std::min(end + 1, file_text.size()));
    if (text.empty() || text.front() == '#') continue;
    const bool negated = text.front() == '!';
    if (negated) text.remove_prefix(1);
    if (!text.empty() && text.front() == '\\') text.remove_prefix(1);
    const bool folder_only = !text.empty() && text.back() == '/';
    if (folder_only) text.remove_suffix(1);
    if (text.empty()) continue;
    const bool anchored = text.find('/') != std::string_view::npos;
    if (text.front() == '/') text.remove_prefix(1);
    lines_.push_back({std::string(folder), name_pattern(std::string(text)), negated, folder_only, anchored});
  }
  std::stable_sort(lines_.begin(), lines_.end(), [](const line& a, const line& b) {
    return std::count(a.folder.begin(), a.folder.end(), '/') + !a.folder.empty() <
           std::count(b.folder.begin(), b.folder.end(), '/') + !b.folder.empty();
  });
}

void ignore_rules::remove(std::string_view folder) {
  std::erase_if(lines_, [&](const line& l) { return l.folder == folder; });
}

bool ignore_rules::ignored(std::string_view path, bool is_folder) const {
  if (lines_.empty()) return false;
  // A parent that is ignored settles it: git does not look into ignored folders.
  if (const auto slash = path.rfind('/');
      slash != std::string_view::npos && ignored(path.substr(0, slash), true))
    return true;
  return ignored_itself(path, is_folder);
}

bool ignore_rules::ignored_itself(std::string_view path, bool is_folder) const {
  for (auto l = lines_.rbegin(); l != lines_.rend(); ++l) {
    if (l->folder_only && !is_folder) continue;
    auto relative = path;
    if (!l->folder.empty()) {
      if (path.size() <= l->folder.size() || path.substr(0, l->folder.size()) != l->folder ||
          path[l->folder.size()] != '/')
        continue;
      relative.remove_prefix(l->folder.size() + 1);
    }
    const auto name = relative.substr(relative.rfind('/') + 1);
    if (l->anchored ? match_path(l->pattern.text(), relative) : l->pattern.matches(name)) return !l->negated;
  }
  return false;
}

}  // namespace graphite
