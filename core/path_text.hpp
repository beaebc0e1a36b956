#pragma once

#include <string>
#include <string_view>

namespace graphite {

/// \file Parts of `/`-separated paths as text; logical_path (core/logical_path.hpp) says which are valid.

/// All before the last `/`; empty where there is none.
constexpr std::string_view folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

/// All behind the last `/`.
constexpr std::string_view file_name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// `folder`, a `/` and `name`; the other alone where one is empty.
inline std::string join_path(std::string_view folder, std::string_view name) {
  std::string out;
  out.reserve(folder.size() + 1 + name.size());
  out.append(folder);
  if (!folder.empty() && !name.empty()) out.push_back('/');
  out.append(name);
  return out;
}

/// Whether `path` is `folder` or lies below it; everything is below the empty folder.
constexpr bool is_at_or_below(std::string_view path, std::string_view folder) {
  return folder.empty() ||
         (path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/'));
}

}  // namespace graphite
