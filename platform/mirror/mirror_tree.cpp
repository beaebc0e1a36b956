#include "platform/mirror/mirror_tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/kill_point.hpp"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

namespace graphite {
namespace {

enum class record_kind : std::uint8_t { change = 1, synced = 2 };

constexpr const char* tree_names[] = {"tree.0", "tree.1"};
constexpr const char* next_link = "current.tmp";  // what `current` is to be, and then what it was
constexpr std::size_t catch_up_step = 256;        ///< links made by one tidy()

byte_vector tagged(record_kind kind, byte_span bytes) {
  byte_vector out;
  out.reserve(1 + bytes.size());
  out.push_back(static_cast<std::byte>(kind));
  out.insert(out.end(), bytes.begin(), bytes.end());
  return out;
}

result<owned_fd> open_folder(int at, const std::string& name) {
  owned_fd out(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!out) return fail_errno(errno, "open " + name);
  return out;
}

result<owned_fd> take_lock(int home, const std::string& folder) {
  owned_fd lock(::openat(home, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return fail_errno(errno, "open the lock");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(errc::already_exists, fmt::format("another process keeps {} up to date already", folder));
  return lock;
}

result<void> check_current(int root, const std::string& folder) {
  struct stat info {};
  if (::fstatat(root, "current", &info, AT_SYMLINK_NOFOLLOW) != 0 || S_ISLNK(info.st_mode)) return {};
  return fail(errc::already_exists, fmt::format("{}/current is not a link: move it away", folder));
}

/// Empty where it is no link.
std::string link_target(int folder, const char* name) {
  char target[64];
  const auto length = ::readlinkat(folder, name, target, sizeof target);
  return length < 0 ? std::string() : std::string(target, static_cast<std::size_t>(length));
}

/// Its path showed something before the change.
bool replaces(const mirror_change& change, const mirror_file& file) {
  const auto was = std::lower_bound(change.replaced.begin(), change.replaced.end(), file.path,
                                    [](const mirror_file& f, const logical_path& p) { return f.path < p; });
  return was != change.replaced.end() && was->path == file.path;
}

result<void> place(link_tree& tree, const mirror_change& change, const mirror_file& file) {
  return tree.place(file.path, object_folder::object_name(file.content.id), replaces(change, file));
}

bool names(const mirror_change& change, const logical_path& path) {
  const auto file = std::lower_bound(change.shown.begin(), change.shown.end(), path,
                                     [](const mirror_file& f, const logical_path& p) { return f.path < p; });
  return (file != change.shown.end() && file->path == path) ||
         std::binary_search(change.hidden.begin(), change.hidden.end(), path);
}

}  // namespace

result<std::unique_ptr<mirror_tree>> mirror_tree::open(mirror_options options) {
  std::error_code made;
  std::filesystem::create_directories(options.folder + "/.graphite", made);
  if (made) return fail_errno(made.value(), "make " + options.folder);
  GRAPHITE_TRY(auto root, open_folder(AT_FDCWD, options.folder));
  GRAPHITE_TRY(auto home, open_folder(root.get(), ".graphite"));
  GRAPHITE_TRY(auto lock, take_lock(home.get(), options.folder));
  GRAPHITE_CHECK(check_current(root.get(), options.folder));
  GRAPHITE_TRY(auto objects, object_folder::open(home.get()));
  GRAPHITE_TRY(auto first, link_tree::open(home.get(), tree_names[0]));
  GRAPHITE_TRY(auto second, link_tree::open(home.get(), tree_names[1]));
  std::unique_ptr<mirror_tree> out(new mirror_tree(std::move(options), std::move(root), std::move(home),
                                                   std::move(lock), objects, std::move(first),
                                                   std::move(second)));
  GRAPHITE_CHECK(out->recover());
  return out;
}

mirror_tree::mirror_tree(mirror_options options, owned_fd root, owned_fd home, owned_fd lock,
                         object_folder objects, link_tree first, link_tree second)
    : options_(std::move(options)),
      root_(std::move(root)),
      home_(std::move(home)),
      lock_(std::move(lock)),
      objects_(objects),
      trees_{std::move(first), std::move(second)} {}

mirror_tree::~mirror_tree() = default;

// ---- after a start

result<void> mirror_tree::recover() {
  std::vector<mirror_change> changes;
  std::vector<std::uint64_t> places;
  std::uint64_t synced = 0;
  GRAPHITE_TRY(
      log_, record_log::open(home_.get(), "swaps", [&](std::uint64_t offset, byte_span record) {
        if (record[0] == static_cast<std::byte>(record_kind::synced) && record.size() == 1 + sizeof synced)
          std::memcpy(&synced, record.data() + 1, sizeof synced);
        if (record[0] != static_cast<std::byte>(record_kind::change)) return;
        auto change = decode_mirror_change(record.subspan(1));
        if (!change) return;
        changes.push_back(std::move(*change));
        places.push_back(offset);
      }));
  if (log_->damaged()) {
    // Swaps in the middle are unknown: what the trees show is no generation any more.
    say("the log of swaps is damaged: all that is here is checked and shown anew");
    changes.clear();
  }
  GRAPHITE_CHECK(objects_.check_staging(options_.check));
  if (changes.empty() || options_.check_everything)
    if (const auto bad = objects_.check_objects(options_.check); bad > 0)
      say(fmt::format("{} damaged contents removed", bad));
  for (const auto& entry : std::filesystem::directory_iterator(options_.folder + "/.graphite"))
    if (entry.path().filename().string().starts_with("trash.")) std::filesystem::remove_all(entry.path());
  shown_ = shown_tree();
  if (changes.empty() && !log_->damaged() && ::faccessat(root_.get(), "current", F_OK, 0) == 0)
    say("the log of swaps is missing: all is shown anew");
  if (changes.empty()) return {};
  const auto first_unsynced =
      static_cast<std::size_t>(std::lower_bound(places.begin(), places.end(), synced) - places.begin());
  // What is not whole is shown anew by the next swap, from what is still good.
  if (!check_unsynced(changes, first_unsynced)) {
    say("contents of the newest swaps are missing or damaged: all is shown anew");
    return {};
  }
  if (auto finished = finish_last(changes); !finished) {
    if (finished.error().code != errc::not_found) return finished;
    say("contents of the newest swap are missing: all is shown anew");
    note_.reset();
    last_.reset();
    before_.reset();
    return {};
  }
  for (const auto& change : changes) discard(change);
  for (std::size_t i = first_unsynced; i < changes.size(); ++i)
    for (const auto& file : changes[i].shown) unsynced_.emplace(file.content.id, file.content.size);
  return {};
}

int mirror_tree::shown_tree() const {
  return link_target(root_.get(), "current").ends_with(tree_names[0]) ? 0 : 1;
}

/// False where bytes are wrong that the newest generation shows; they are shown no more.
bool mirror_tree::check_unsynced(const std::vector<mirror_change>& changes, std::size_t first_unsynced) {
  bool whole = true;
  for (std::size_t i = first_unsynced; i < changes.size(); ++i)
    for (const auto& file : changes[i].shown) {
      const bool later = std::any_of(changes.begin() + static_cast<std::ptrdiff_t>(i) + 1, changes.end(),
                                     [&](const auto& change) { return names(change, file.path); });
      if (later || objects_.check(file.content, options_.check)) continue;
      objects_.quarantine(file.content);
      for (auto& tree : trees_) (void)tree.remove(file.path);
      whole = false;
    }
  return whole;
}

/// The newest change in the log may be shown in part or not at all: all of it is made so again.
result<void> mirror_tree::finish_last(const std::vector<mirror_change>& changes) {
  const mirror_change& newest = changes.back();
  link_tree& tree = trees_[newest.tree];
  std::size_t at = changes.size() - 1;
  while (at > 0 && changes[at - 1].tree == newest.tree) {  // tries that failed on the same tree
    --at;
    if (!newest.from_nothing) GRAPHITE_CHECK(undo(tree, changes[at]));
  }
  if (at > 0) last_ = changes[at - 1];
  if (newest.from_nothing && shown_ != newest.tree)
    GRAPHITE_CHECK(tree.replace(fmt::format("trash.{}", trash_++)));
  GRAPHITE_CHECK(adopt(newest));
  GRAPHITE_CHECK(update(tree, newest));
  GRAPHITE_CHECK(flip(newest.tree));
  before_ = std::move(last_);
  last_ = newest;
  note_ = newest.note;
  other_is_new_ = newest.from_nothing;
  if (newest.from_nothing) GRAPHITE_CHECK(trees_[1 - newest.tree].replace(fmt::format("trash.{}", trash_++)));
  return {};
}

/// Its former contents are perhaps not shown any more.
void mirror_tree::discard(const mirror_change& change) {
  for (const auto& file : change.replaced) garbage_.emplace(file.content.id, file.content.size);
}

static bool is_file_of(int home, const std::string& name, std::uint64_t size) {
  struct stat info {};
  return ::fstatat(home, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
         static_cast<std::uint64_t>(info.st_size) == size;
}

// The other tree has it, too, unless the last swap changed it: the next one relies on that.
bool mirror_tree::shows(const logical_path& path, const content_ref& content) const {
  if (!objects_.has(content)) return false;
  if (!is_file_of(home_.get(), std::string(tree_names[shown_]) + "/" + path.str(), content.size))
    return false;
  if (other_is_new_ || !last_ || names(*last_, path)) return true;
  return is_file_of(home_.get(), std::string(tree_names[1 - shown_]) + "/" + path.str(), content.size);
}

// ---- a swap

result<void> mirror_tree::adopt(const mirror_change& change) {
  for (const auto& file : change.shown) GRAPHITE_CHECK(objects_.adopt(file.content));
  return {};
}

/// `tree` shows at the paths of `change` what was there before it.
result<void> mirror_tree::undo(link_tree& tree, const mirror_change& change) {
  for (const auto& file : change.shown) GRAPHITE_CHECK(tree.remove(file.path));
  for (const auto& file : change.replaced)
    GRAPHITE_CHECK(tree.place(file.path, object_folder::object_name(file.content.id)));
  return {};
}

/// `tree` lacks what the last swap changed and what this one does.
result<void> mirror_tree::update(link_tree& tree, const mirror_change& change) {
  const mirror_change* missed = last_ ? &*last_ : nullptr;
  if (missed && !change.from_nothing) {
    for (const auto& path : missed->hidden)
      if (!names(change, path)) GRAPHITE_CHECK(tree.remove(path));
  }
  for (const auto& path : change.hidden) GRAPHITE_CHECK(tree.remove(path));
  if (missed && !change.from_nothing) {
    for (std::size_t i = std::min(caught_up_, missed->shown.size()); i < missed->shown.size(); ++i)
      if (!names(change, missed->shown[i].path)) GRAPHITE_CHECK(place(tree, *missed, missed->shown[i]));
  }
  for (const auto& file : change.shown) GRAPHITE_CHECK(place(tree, change, file));
  return {};
}

result<void> mirror_tree::flip(int tree) {
  const std::string target = std::string(".graphite/") + tree_names[tree];
  if (link_target(home_.get(), next_link) != target) {
    ::unlinkat(home_.get(), next_link, 0);
    GRAPHITE_KILL_POINT("mirror.before_symlink");
    if (::symlinkat(target.c_str(), home_.get(), next_link) != 0) return fail_errno(errno, "make the link");
  }
  GRAPHITE_KILL_POINT("mirror.before_flip");
  // The two links change places, so that no flip makes or removes a file; the first one, or where that
  // cannot be had, is a plain rename.
  if (::renameat2(home_.get(), next_link, root_.get(), "current", RENAME_EXCHANGE) != 0 &&
      ::renameat(home_.get(), next_link, root_.get(), "current") != 0)
    return fail_errno(errno, "flip current");
  GRAPHITE_KILL_POINT("mirror.after_flip");
  shown_ = tree;
  return {};
}

result<void> mirror_tree::swap(mirror_change change) {
  change.tree = static_cast<std::uint8_t>(1 - shown_);
  if (failed_ && !change.from_nothing) GRAPHITE_CHECK(undo(trees_[change.tree], *failed_));
  failed_.reset();
  if (auto done = attempt(change); !done) {
    failed_ = std::move(change);
    return done;
  }
  for (const auto& file : change.shown) unsynced_.emplace(file.content.id, file.content.size);
  if (last_) discard(*last_);
  other_is_new_ = change.from_nothing;
  caught_up_ = 0;
  note_ = change.note;
  before_ = std::move(last_);
  last_ = std::move(change);
  if (other_is_new_) GRAPHITE_CHECK(trees_[1 - shown_].replace(fmt::format("trash.{}", trash_++)));
  return {};
}

result<void> mirror_tree::attempt(const mirror_change& change) {
  link_tree& tree = trees_[change.tree];
  GRAPHITE_CHECK(log_->append({tagged(record_kind::change, encode(change))}));
  if (change.from_nothing) GRAPHITE_CHECK(tree.replace(fmt::format("trash.{}", trash_++)));
  GRAPHITE_CHECK(adopt(change));
  GRAPHITE_CHECK(update(tree, change));
  GRAPHITE_KILL_POINT("mirror.after_tree_update");
  GRAPHITE_CHECK(flip(change.tree));
  return {};
}

bool mirror_tree::tidy() {
  if (!garbage_.empty()) {
    for (std::size_t i = 0; i < catch_up_step && !garbage_.empty(); ++i) {
      const auto& [id, size] = *garbage_.begin();
      if (objects_.collect({id, size})) unsynced_.erase(id);
      garbage_.erase(garbage_.begin());
    }
    return true;
  }
  // A tree that nobody has seen may be filled at once, so that the next swap need not.
  if (other_is_new_ && last_ && caught_up_ < last_->shown.size()) {
    link_tree& other = trees_[1 - shown_];
    const std::size_t end = std::min(caught_up_ + catch_up_step, last_->shown.size());
    for (; caught_up_ < end; ++caught_up_) {
      const mirror_file& file = last_->shown[caught_up_];
      if (!other.place(file.path, object_folder::object_name(file.content.id))) return false;
    }
    return true;
  }
  if (trash_ > 0) {
    const std::string name = fmt::format("{}/.graphite/trash.{}", options_.folder, --trash_);
    std::error_code ignored;
    std::filesystem::remove_all(name, ignored);
    return true;
  }
  if (log_->bytes() > options_.log_bytes_max) (void)shorten_log();
  return false;
}

// ---- what lasts

mirror_tree::sync_job mirror_tree::begin_sync() {
  sync_job job{{}, log_->bytes()};
  for (const auto& [id, size] : std::exchange(unsynced_, {})) job.contents.push_back({id, size});
  syncing_ = true;
  return job;
}

// On ext4 and XFS a synced file brings the names made before it along; elsewhere all is synced.
result<void> mirror_tree::run(const sync_job& job) const {
  struct statfs where {};
  const bool ordered = ::fstatfs(home_.get(), &where) == 0 &&
                       (where.f_type == EXT4_SUPER_MAGIC || where.f_type == XFS_SUPER_MAGIC);
  GRAPHITE_KILL_POINT("mirror.before_sync");
  if (ordered) GRAPHITE_CHECK(objects_.sync(job.contents));
  if (!ordered && ::syncfs(home_.get()) != 0) return fail_errno(errno, "sync the file system");
  GRAPHITE_KILL_POINT("mirror.after_contents_sync");
  for (const int file : {synced_with_, log_->descriptor(), home_.get(), root_.get()})
    if (file >= 0 && ::fsync(file) != 0) return fail_errno(errno, "sync the state");
  GRAPHITE_KILL_POINT("mirror.after_sync");
  return {};
}

result<void> mirror_tree::end_sync(const sync_job& job) {
  syncing_ = false;
  byte_vector place(sizeof job.log_bytes);
  std::memcpy(place.data(), &job.log_bytes, sizeof job.log_bytes);
  GRAPHITE_CHECK(log_->append({tagged(record_kind::synced, place)}));
  return {};
}

void mirror_tree::give_back(sync_job job) {
  syncing_ = false;
  for (const auto& content : job.contents) unsynced_.emplace(content.id, content.size);
}

result<void> mirror_tree::shorten_log() {
  if (!last_ || syncing_ || !unsynced_.empty()) return {};
  std::vector<byte_vector> records;
  if (before_) records.push_back(tagged(record_kind::change, encode(*before_)));
  records.push_back(tagged(record_kind::change, encode(*last_)));
  GRAPHITE_CHECK(log_->rewrite({records.begin(), records.end()}));
  return end_sync({{}, log_->bytes()});
}

}  // namespace graphite
