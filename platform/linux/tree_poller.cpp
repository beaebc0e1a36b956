#include "platform/linux/tree_poller.hpp"

#include <sys/stat.h>

#include "core/path_text.hpp"
#include "platform/linux/folder_scan.hpp"
#include "platform/linux/posix_file_reader.hpp"

namespace graphite {

namespace {

fs_event_kind kind_of(difference_kind kind) {
  if (kind == difference_kind::removed) return fs_event_kind::deleted;
  return kind == difference_kind::added ? fs_event_kind::created : fs_event_kind::modified;
}

}  // namespace

std::vector<std::string> tree_poller::snapshot::folders(std::string_view) const {
  std::vector<std::string> out;
  out.reserve(all.size());
  for (const auto& [path, files] : all) out.push_back(path);
  return out;
}

void tree_poller::snapshot::files(std::string_view folder, std::vector<file>& out) const {
  out.clear();
  const auto found = all.find(std::string(folder));
  if (found == all.end()) return;
  for (const auto& [name, signature] : found->second) out.push_back({name, signature});
}

void tree_poller::snapshot::apply(const tree_difference& d) {
  const std::string folder(folder_of(d.path));
  const auto name = d.path.substr(folder.empty() ? 0 : folder.size() + 1);
  if (d.kind != difference_kind::removed) {
    all[folder][name] = d.signature;
    return;
  }
  auto& files = all[folder];
  files.erase(name);
  if (files.empty()) all.erase(folder);
}

tree_scan_options tree_poller::scan_options() const {
  tree_scan_options out;
  out.root = options_.root;
  out.below = below_;
  out.recursive = options_.recursive;
  out.prune = options_.prune;
  return out;
}

result<void> tree_poller::remember() {
  std::vector<fs_event> ignored;
  known_.all.clear();
  return poll(ignored);
}

result<void> tree_poller::poll(std::vector<fs_event>& out) {
  GRAPHITE_TRY(const auto made, scan_and_compare(scan_options(), known_));
  const time_point now = std::chrono::steady_clock::now();
  for (const auto& d : made.differences) {
    known_.apply(d);
    out.push_back({kind_of(d.kind), d.path, {}, now});
  }
  if (below_.empty()) poll_lone_files(now, out);
  return {};
}

void tree_poller::poll_lone_files(time_point now, std::vector<fs_event>& out) {
  for (const auto& file : options_.lone_files) {
    struct ::stat raw {};
    const bool there = ::lstat((options_.root + "/" + file).c_str(), &raw) == 0;
    const auto known = lone_.find(file);
    if (!there && known != lone_.end()) {
      lone_.erase(known);
      out.push_back({fs_event_kind::deleted, file, {}, now});
    }
    if (!there) continue;
    const auto signature = make_file_info(raw, 0).signature;
    if (known == lone_.end() || !known->second.same_file_state(signature))
      out.push_back({known == lone_.end() ? fs_event_kind::created : fs_event_kind::modified, file, {}, now});
    lone_[file] = signature;
  }
}

}  // namespace graphite
