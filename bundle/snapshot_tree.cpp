#include "bundle/snapshot_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/path_text.hpp"

namespace graphite {

namespace {

std::size_t depth_of(std::string_view folder) {
  if (folder.empty()) return 0;
  return static_cast<std::size_t>(std::count(folder.begin(), folder.end(), '/')) + 1;
}

}  // namespace

snapshot_tree::snapshot_tree(const hasher& hash, const snapshot_limits& limits)
    : hash_(&hash), limits_(limits) {
  folders_.try_emplace("");
  mark("");
}

void snapshot_tree::mark(std::string_view path) { changed_[depth_of(path)].insert(std::string(path)); }

/// With the folders above it, each of which lists the next.
result<snapshot_tree::folder*> snapshot_tree::folder_for(std::string_view path) {
  if (const auto known = folders_.find(path); known != folders_.end()) return &known->second;
  if (depth_of(path) > snapshot_limits::folders_deep_max)
    return fail(errc::too_large,
                fmt::format("'{}' lies in more than {} folders", path, snapshot_limits::folders_deep_max));
  GRAPHITE_TRY(auto* const parent, folder_for(folder_of(path)));
  const auto [at, fresh] = parent->names.try_emplace(std::string(file_name_of(path)));
  if (!fresh) return fail(errc::invalid_argument, fmt::format("'{}' is a file and a folder", path));
  at->second.what = snapshot_entry::kind::folder;
  mark(folder_of(path));
  return &folders_.try_emplace(std::string(path)).first->second;
}

result<void> snapshot_tree::put(const logical_path& path, const content_ref& content, bool executable) {
  if (files_ >= limits_.files_max && !is_file(path))
    return fail(errc::too_large, fmt::format("more than {} files", limits_.files_max));
  GRAPHITE_TRY(auto* const in, folder_for(path.folder()));
  const entry now{executable ? snapshot_entry::kind::program : snapshot_entry::kind::file, content};
  const auto found = in->names.find(path.file_name());
  if (found != in->names.end() && found->second.what == snapshot_entry::kind::folder)
    return fail(errc::invalid_argument, fmt::format("'{}' is a folder and a file", path.str()));
  if (found != in->names.end() && found->second == now) return {};
  if (found == in->names.end()) {
    in->names.emplace(path.file_name(), now);
    ++files_;
  } else {
    found->second = now;
  }
  mark(path.folder());
  return {};
}

bool snapshot_tree::is_file(const logical_path& path) const {
  const auto in = folders_.find(path.folder());
  if (in == folders_.end()) return false;
  const auto found = in->second.names.find(path.file_name());
  return found != in->second.names.end() && found->second.what != snapshot_entry::kind::folder;
}

bool snapshot_tree::erase(const logical_path& path) {
  if (!is_file(path)) return false;
  --files_;
  // Folders go with their last name, at once: a file may take it.
  for (std::string_view gone = path.str(); !gone.empty(); gone = folder_of(gone)) {
    const auto in = folders_.find(folder_of(gone));
    in->second.names.erase(in->second.names.find(file_name_of(gone)));
    mark(in->first);
    if (!in->second.names.empty() || in->first.empty()) break;
    folders_.erase(in);
  }
  return true;
}

snapshot_entries snapshot_tree::entries_of(const folder& of) const {
  snapshot_entries out;
  out.reserve(of.names.size());
  for (const auto& [name, one] : of.names) out.push_back({name, one.what, one.content});
  return out;
}

/// What the parent says of it.
void snapshot_tree::settle_in_parent(const std::string& path, const content_ref& object) {
  const auto in = folders_.find(folder_of(path));
  auto& listed = in->second.names.find(file_name_of(path))->second.content;
  if (listed == object) return;
  listed = object;
  mark(in->first);
}

result<void> snapshot_tree::settle(const std::string& path,
                                   const std::function<void(changed_folder&&)>& tell) {
  const auto found = folders_.find(path);
  if (found == folders_.end()) {
    tell({path, {}, {}});
    return {};
  }
  auto& of = found->second;
  changed_folder out{path, {}, {}};
  const auto keep = [&](const content_ref& name, byte_vector bytes) {
    out.objects.push_back(name);
    if (!std::binary_search(of.objects.begin(), of.objects.end(), name))
      out.fresh.emplace_back(name, std::move(bytes));
  };
  GRAPHITE_TRY(const auto object,
               build_snapshot_folder(path.empty() ? path : path + "/", entries_of(of), *hash_, keep));
  std::sort(out.objects.begin(), out.objects.end());
  of.objects = out.objects;
  if (path.empty())
    root_ = object;
  else
    settle_in_parent(path, object);
  tell(std::move(out));
  return {};
}

result<content_ref> snapshot_tree::root(const std::function<void(changed_folder&&)>& tell) {
  while (!changed_.empty()) {
    const auto deepest = std::prev(changed_.end());
    const auto path = *deepest->second.begin();
    GRAPHITE_CHECK(settle(path, tell));
    deepest->second.erase(path);
    if (deepest->second.empty()) changed_.erase(deepest);
  }
  return root_;
}

snapshot_tree::look snapshot_tree::look_into(std::string_view folder) const {
  look out;
  const auto found = folders_.find(folder);
  if (found == folders_.end()) return out;
  const auto keep = [&](const content_ref& name, byte_vector bytes) {
    out.objects.emplace_back(name, std::move(bytes));
  };
  // Names that cannot be listed were told of by root().
  (void)build_snapshot_folder(std::string(folder), entries_of(found->second), *hash_, keep);
  for (const auto& [name, one] : found->second.names) {
    auto path = join_path(folder, name);
    if (one.what == snapshot_entry::kind::folder) {
      out.folders.push_back(std::move(path));
    } else if (auto parsed = logical_path::parse(path)) {
      out.files.push_back({std::move(*parsed), one.content, one.what == snapshot_entry::kind::program});
    }
  }
  return out;
}

}  // namespace graphite
