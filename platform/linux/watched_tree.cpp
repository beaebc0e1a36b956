#include "platform/linux/watched_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "core/path_text.hpp"
#include "platform/linux/beneath.hpp"
#include "platform/linux/network_file_system.hpp"

namespace graphite {

namespace {

constexpr std::uint32_t lone_mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE |
                                    IN_ONLYDIR | IN_DELETE_SELF | IN_EXCL_UNLINK;
constexpr std::uint32_t folder_mask = lone_mask | IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF;

/// A name no folder can have: where a node is parked while another takes its place.
constexpr std::string_view parked_name = "/";

bool same_file(const struct ::stat& a, const struct ::stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

watched_tree::watched_tree(int inotify, const inotify_watcher_options& options)
    : inotify_(inotify), options_(options) {}

result<void> watched_tree::open(events& out) {
  close();
  GRAPHITE_TRY(root_, open_root_folder(options_.root));
  owned_fd readable(::openat(root_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!readable) return fail_errno(errno, "cannot read the folder '" + options_.root + "'");
  now_ = std::chrono::steady_clock::now();
  sync({}, {}, out);
  return {};
}

void watched_tree::close() {
  if (const auto root = table_.root(); root != watch_table::none) drop(root);
  root_.reset();
  mounts_.clear();
  exhausted_ = confused_ = false;
}

bool watched_tree::root_is_there() const {
  struct ::stat by_name {
  }, watched{};
  return ::stat(options_.root.c_str(), &by_name) == 0 && ::fstat(root_.get(), &watched) == 0 &&
         same_file(by_name, watched);
}

bool watched_tree::pruned(std::string_view folder) const {
  return !folder.empty() && options_.prune && options_.prune(folder);
}

bool watched_tree::is_lone_file(std::string_view path) const {
  return std::find(options_.lone_files.begin(), options_.lone_files.end(), path) != options_.lone_files.end();
}

bool watched_tree::holds_lone_file(std::string_view folder) const {
  return std::any_of(options_.lone_files.begin(), options_.lone_files.end(),
                     [&](const std::string& file) { return folder_of(file) == folder; });
}

void watched_tree::emit(fs_event_kind kind, std::string path, std::string old_path, events& out) const {
  const bool repeatable = kind == fs_event_kind::modified || kind == fs_event_kind::writing;
  const bool repeated = repeatable && !out.empty() && out.back().kind == kind && out.back().path == path;
  if (!repeated) out.push_back({kind, std::move(path), std::move(old_path), now_});
}

/// The descriptor, or -1 with exhausted_ set where the system has none left.
int watched_tree::watch(int folder, std::uint32_t mask) {
  if (options_.watches_max != 0 && table_.size() >= options_.watches_max) {
    exhausted_ = true;
    return -1;
  }
  // By descriptor: the name may lead elsewhere by now.
  const auto name = "/proc/self/fd/" + std::to_string(folder);
  const int wd = ::inotify_add_watch(inotify_, name.c_str(), mask);
  if (wd < 0 && errno == ENOSPC) exhausted_ = true;
  return wd;
}

/// The network file system that `folder` is on, or empty.
std::string_view watched_tree::network_of(int folder) const {
  return network_file_system_of(folder, options_.type_of);
}

void watched_tree::drop(watch_table::node n) {
  dropped_ = true;
  std::vector<int> wds;
  table_.remove(n, wds);
  for (const int wd : wds) ::inotify_rm_watch(inotify_, wd);
}

/// The node of `path`, whose folder was found to have `wd`. `known`: it was watched under this name already.
watch_table::node watched_tree::place(const std::string& path, int wd, bool& known) {
  const auto parent = path.empty() ? watch_table::none : table_.find(folder_of(path));
  const auto name = file_name_of(path);
  const auto before = table_.child(parent, name);
  const auto same = table_.by_wd(wd);
  known = same != watch_table::none && same == before;
  if (known) return same;
  // What has the name in the table is another folder; the one found now may even hang below it.
  if (before != watch_table::none) table_.relink(before, parent, parked_name);
  auto placed = watch_table::none;
  if (same == watch_table::none)
    placed = table_.add(parent, name, wd);
  else if (table_.relink(same, parent, name))
    placed = same;
  else
    confused_ = true;
  if (before != watch_table::none) drop(before);
  return placed;
}

void watched_tree::sync(const std::string& path, const report& how, events& out) {
  if (exhausted_) return;
  const auto parent = path.empty() ? watch_table::none : table_.find(folder_of(path));
  if (!path.empty() && parent == watch_table::none) return;  // its own event comes, or it is gone
  const auto before = table_.child(parent, file_name_of(path));
  const auto fd = open_beneath(root_.get(), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!fd || (pruned(path) && !holds_lone_file(path))) {
    if (before != watch_table::none) drop(before);
    std::erase_if(mounts_, [&](const auto& one) { return is_at_or_below(one.first, path); });
    return;
  }
  mounts_.erase(path);
  if (const auto network = path.empty() ? std::string_view{} : network_of(fd->get()); !network.empty()) {
    if (before != watch_table::none) drop(before);
    mounts_.emplace(path, network);
    return;
  }
  const bool lone = pruned(path);
  const int wd = watch(fd->get(), lone ? lone_mask : folder_mask);
  if (wd < 0) return;
  bool known = false;
  const auto n = place(path, wd, known);
  if (n == watch_table::none) return;
  if (lone) return sync_lone(path, out);
  // What is in place was reported when it was put there. Below a folder that was put in place just now
  // that is not so: its children came with it.
  if (known && how.settled_enough()) return;
  report below = how;
  below.top = false;
  sync_children(fd->get(), n, path, below, out);
}

/// Reports what is in a folder that is watched by now, and goes on below it.
void watched_tree::sync_children(int folder, watch_table::node n, const std::string& path, const report& how,
                                 events& out) {
  std::vector<std::string> folders;
  if (names_.read(folder) != 0) confused_ = true;
  for (const auto& e : names_.entries()) {
    const std::string name(names_.name(e));
    if (e.type == DT_DIR) {
      folders.push_back(name);
    } else if (how.files) {
      const bool renamed = !how.old_folder.empty();
      emit(renamed ? fs_event_kind::moved : fs_event_kind::created, join_path(path, name),
           renamed ? join_path(how.old_folder, name) : std::string{}, out);
    }
  }
  if (!options_.recursive) return;
  std::sort(folders.begin(), folders.end());
  for (const auto& known : table_.children(n))
    if (!std::binary_search(folders.begin(), folders.end(), known)) drop(table_.child(n, known));
  for (const auto& name : folders) {
    const report below{how.files, how.old_folder.empty() ? std::string{} : join_path(how.old_folder, name),
                       false};
    sync(join_path(path, name), below, out);
  }
}

void watched_tree::sync_lone(const std::string& path, events& out) {
  for (const auto& file : options_.lone_files) {
    if (folder_of(file) != path) continue;
    struct ::stat raw {};
    const bool exists = ::fstatat(root_.get(), file.c_str(), &raw, AT_SYMLINK_NOFOLLOW) == 0;
    emit(exists ? fs_event_kind::created : fs_event_kind::deleted, file, {}, out);
  }
}

void watched_tree::verify(const std::string& path, events& out) {
  now_ = std::chrono::steady_clock::now();
  sync(path, {}, out);
  dropped_ = true;  // events from before are still to come
}

void watched_tree::translate(const std::vector<raw_event>& batch, events& out) {
  now_ = std::chrono::steady_clock::now();
  arriving_.clear();
  departed_.clear();
  for (const auto& raw : batch)
    if ((raw.mask & IN_MOVED_TO) != 0) arriving_.push_back(raw.cookie);
  std::sort(arriving_.begin(), arriving_.end());
  for (const auto& raw : batch) translate_one(raw, out);
  // Their arrivals were in folders that are not ours.
  for (const auto& [cookie, gone] : std::exchange(departed_, {})) depart(gone, out);
}

void watched_tree::translate_one(const raw_event& raw, events& out) {
  const auto n = table_.by_wd(raw.wd);
  if (n != watch_table::none && (raw.mask & IN_IGNORED) != 0) return drop(n);
  if (n != watch_table::none && raw.name.empty()) return;
  auto path = n == watch_table::none ? std::string{} : join_path(table_.path(n), raw.name);
  if (path.empty() || (pruned(folder_of(path)) && !is_lone_file(path))) return translate_elsewhere(raw, out);
  const bool folder = (raw.mask & IN_ISDIR) != 0;
  if ((raw.mask & IN_MOVED_FROM) != 0) {
    departure gone{std::move(path), folder};
    if (!std::binary_search(arriving_.begin(), arriving_.end(), raw.cookie)) return depart(gone, out);
    departed_.insert_or_assign(raw.cookie, std::move(gone));
    return;
  }
  if (folder)
    translate_folder(raw, path, out);
  else
    translate_file(raw, std::move(path), out);
}

/// An event of a folder that is not ours, or not any more. What arrived there has left us: now, not later,
/// because another of its name may be the next thing that is told.
void watched_tree::translate_elsewhere(const raw_event& raw, events& out) {
  if ((raw.mask & IN_MOVED_TO) == 0) return;
  if (const auto from = departed_.extract(raw.cookie); !from.empty()) depart(from.mapped(), out);
}

/// `gone` left, to nowhere that we watch.
void watched_tree::depart(const departure& gone, events& out) {
  if (!gone.folder) return emit(fs_event_kind::deleted, gone.path, {}, out);
  if (!options_.recursive) return;
  sync(gone.path, {true, {}}, out);
  if (!pruned(gone.path)) emit(fs_event_kind::folder, gone.path, {}, out);
}

void watched_tree::translate_folder(const raw_event& raw, const std::string& path, events& out) {
  if (!options_.recursive) return;
  if ((raw.mask & IN_DELETE) != 0) return depart({path, true}, out);
  if ((raw.mask & (IN_CREATE | IN_MOVED_TO | IN_ATTRIB)) == 0) return;
  if ((raw.mask & IN_ATTRIB) != 0 && table_.find(path) != watch_table::none) return;
  const auto from = departed_.extract(raw.cookie);
  const bool renamed = (raw.mask & IN_MOVED_TO) != 0 && !from.empty();
  // What arrives by rename is reported in full, in place or not: it may have been away during a scan.
  const bool fresh_only = (raw.mask & IN_MOVED_TO) == 0;
  sync(path, {true, renamed ? from.mapped().path : std::string{}, fresh_only}, out);
  // If this folder lost its watch for a while, changes in it were lost, too; who scanned it meanwhile
  // has to look again.
  if (dropped_ && !pruned(path)) emit(fs_event_kind::folder, path, {}, out);
  if (renamed) depart(from.mapped(), out);
}

void watched_tree::translate_file(const raw_event& raw, std::string path, events& out) {
  if ((raw.mask & IN_MOVED_TO) != 0) {
    const auto from = departed_.extract(raw.cookie);
    return emit(fs_event_kind::moved, std::move(path), from.empty() ? std::string{} : from.mapped().path,
                out);
  }
  if ((raw.mask & IN_CREATE) != 0) return emit(fs_event_kind::created, std::move(path), {}, out);
  if ((raw.mask & IN_CLOSE_WRITE) != 0) return emit(fs_event_kind::closed, std::move(path), {}, out);
  if ((raw.mask & IN_DELETE) != 0) return emit(fs_event_kind::deleted, std::move(path), {}, out);
  if ((raw.mask & IN_MODIFY) != 0) return emit(fs_event_kind::writing, std::move(path), {}, out);
  if ((raw.mask & IN_ATTRIB) != 0) emit(fs_event_kind::modified, std::move(path), {}, out);
}

}  // namespace graphite
