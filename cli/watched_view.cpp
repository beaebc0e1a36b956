#include "cli/watched_view.hpp"

#include <algorithm>
#include <utility>

namespace graphite {

namespace {

/// Folders before those that they lie in.
bool is_deeper(const std::string& one, const std::string& other) {
  const auto depth = [](const std::string& folder) {
    return folder.empty() ? -1 : std::count(folder.begin(), folder.end(), '/');
  };
  return depth(one) > depth(other);
}

bool has(const std::vector<content_ref>& ascending, const content_ref& one) {
  return std::binary_search(ascending.begin(), ascending.end(), one);
}

}  // namespace

/// First what goes: a file may take the name of a folder that was emptied.
result<void> watched_view::change_tree(const std::vector<change>& changes) {
  for (const auto& one : changes) {
    if (one.now) continue;
    tree_.erase(one.path);
    files_.erase(one.path.str());
  }
  result<void> out;
  for (const auto& one : changes) {
    if (!one.now) continue;
    const auto put = tree_.put(one.path, *one.now, one.executable);
    if (out && !put) out = put;
    if (put && !walk_ && one.now->size > 0) files_[one.path.str()] = *one.now;
  }
  return out;
}

void watched_view::note(snapshot_tree::changed_folder&& folder) {
  if (walk_) return;
  auto& pending = folders_[folder.path];
  folder_bytes_ -= pending.bytes;
  // What was to be brought and is of no use any more need not be.
  std::erase_if(pending.objects, [&](const auto& one) { return !has(folder.objects, one.first); });
  for (auto& one : folder.fresh) pending.objects.push_back(std::move(one));
  pending.bytes = 0;
  for (const auto& [name, bytes] : pending.objects) pending.bytes += bytes.size();
  folder_bytes_ += pending.bytes;
  if (pending.objects.empty()) folders_.erase(folder.path);
}

void watched_view::forget_pending() {
  files_.clear();
  folders_.clear();
  folder_bytes_ = 0;
}

void watched_view::bound_pending() {
  if (files_.size() <= options_.pending_files_max && folder_bytes_ <= options_.pending_bytes_max) return;
  walk_ = true;
  forget_pending();
}

result<view_state> watched_view::apply(std::uint64_t revision, const std::vector<change>& changes) {
  const std::lock_guard lock(mutex_);
  const auto changed = change_tree(changes);
  const auto root = tree_.root([this](snapshot_tree::changed_folder&& folder) { note(std::move(folder)); });
  bound_pending();
  if (!changed) return tl::unexpected<error>(changed.error());
  if (!root) return tl::unexpected<error>(root.error());
  now_ = {revision, *root};
  return now_;
}

std::size_t watched_view::files() const {
  const std::lock_guard lock(mutex_);
  return tree_.files();
}

watched_view::delivery watched_view::take() {
  const std::lock_guard lock(mutex_);
  delivery out{now_, {}};
  for (const auto& [path, content] : files_)
    if (auto parsed = logical_path::parse(path)) out.contents.emplace_back(content, std::move(*parsed));
  std::vector<std::string> folders;
  for (const auto& [folder, pending] : folders_) folders.push_back(folder);
  std::stable_sort(folders.begin(), folders.end(), is_deeper);
  for (const auto& folder : folders)
    for (auto& [name, bytes] : folders_.at(folder).objects) out.contents.emplace_back(name, std::move(bytes));
  forget_pending();
  return out;
}

bool watched_view::begin_walk() {
  const std::lock_guard lock(mutex_);
  return std::exchange(walk_, false);
}

void watched_view::ask_for_walk() {
  const std::lock_guard lock(mutex_);
  walk_ = true;
  forget_pending();
}

void watched_view::all_there(const view_state& state) {
  const std::lock_guard lock(mutex_);
  if (state != now_) return;
  walk_ = false;
  forget_pending();
}

snapshot_tree::look watched_view::look_into(const std::string& folder) const {
  const std::lock_guard lock(mutex_);
  return tree_.look_into(folder);
}

}  // namespace graphite
