#include "platform/mirror/object_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "core/kill_point.hpp"
#include "core/path_text.hpp"
#include "platform/linux/durable_file.hpp"

namespace graphite {
namespace {

constexpr std::size_t sync_each_max = 64;  ///< more are synced with their whole file system

std::string staged_name(const digest& id) { return "staging/" + to_hex(id); }
std::string list_name(const std::string& name) { return name + ".list"; }
constexpr std::string_view part_end = ".part";
std::string partial_name(const std::string& name) { return name + std::string(part_end); }

result<void> make_folder(int home, const char* name) {
  if (::mkdirat(home, name, 0700) != 0 && errno != EEXIST)
    return fail_errno(errno, std::string("make ") + name);
  return {};
}

result<owned_fd> create(int home, const std::string& name) {
  constexpr int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
  owned_fd file(::openat(home, name.c_str(), flags, 0444));
  if (!file && errno == EEXIST) {  // left by a crash
    ::unlinkat(home, name.c_str(), 0);
    file = owned_fd(::openat(home, name.c_str(), flags, 0444));
  }
  if (!file) return fail_errno(errno, "make " + name);
  return file;
}

std::optional<std::uint64_t> size_of(int home, const std::string& name) {
  struct stat info {};
  if (::fstatat(home, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
    return std::nullopt;
  return static_cast<std::uint64_t>(info.st_size);
}

std::vector<std::string> names_in(int home, const std::string& of) {
  std::vector<std::string> out;
  const int folder = ::openat(home, of.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = folder < 0 ? nullptr : ::fdopendir(folder);
  if (!entries) return out;
  while (const dirent* entry = ::readdir(entries))
    if (entry->d_name[0] != '.') out.emplace_back(entry->d_name);
  ::closedir(entries);
  return out;
}

/// `written`, after it gave back what was cut off and nobody is at where the disk was full.
result<void> with_room(result<void> written, int home, const std::set<std::string>& open) {
  if (written || written.error().code != errc::out_of_space) return written;
  for (const auto& name : names_in(home, "staging")) {
    const std::string path = "staging/" + name;
    if (path.ends_with(part_end) && !open.contains(path.substr(0, path.size() - part_end.size())))
      ::unlinkat(home, path.c_str(), 0);
  }
  return written;
}

bool file_is_good(const owned_fd& file, const content_ref& content, const object_folder::checker& good) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0 || static_cast<std::uint64_t>(info.st_size) != content.size)
    return false;
  if (content.size == 0) return good(content, {});
  void* mapped = ::mmap(nullptr, content.size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapped == MAP_FAILED) return false;
  const bool fine = good(content, {static_cast<const std::byte*>(mapped), content.size});
  ::munmap(mapped, content.size);
  return fine;
}

}  // namespace

result<object_folder> object_folder::open(int home) {
  GRAPHITE_CHECK(make_folder(home, "objects"));
  GRAPHITE_CHECK(make_folder(home, "staging"));
  return object_folder(home);
}

std::string object_folder::object_name(const digest& id) {
  const std::string hex = to_hex(id);
  return "objects/" + hex.substr(0, 2) + "/" + hex;
}

bool object_folder::has(const content_ref& content) const {
  return size_of(home_, object_name(content.id)) == content.size ||
         (staged_max_ > 0 && size_of(home_, staged_name(content.id)) == content.size);
}

// A torn write is found at the next start, when all of staging is checked.
result<void> object_folder::put(const content_ref& content, byte_span bytes) {
  const std::string name = staged_name(content.id);
  ++staged_max_;
  GRAPHITE_TRY(const owned_fd file, create(home_, name));
  GRAPHITE_KILL_POINT("mirror.before_content_write");
  auto written = with_room(write_fully(file.get(), bytes, 0, "write " + name), home_, *open_);
  GRAPHITE_KILL_POINT("mirror.after_content_write");
  if (!written) ::unlinkat(home_, name.c_str(), 0);
  return written;
}

/// A file that an attempt before this one left, or a new one.
static result<owned_fd> open_part(int home, const std::string& name) {
  constexpr int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  owned_fd file(::openat(home, name.c_str(), flags, 0600));
  // It was whole and made read-only, and died before it had its name.
  if (!file && errno == EACCES && ::fchmodat(home, name.c_str(), 0600, 0) == 0)
    file = owned_fd(::openat(home, name.c_str(), flags, 0600));
  if (!file) return fail_errno(errno, "make " + name);
  return file;
}

result<std::unique_ptr<object_folder::writer>> object_folder::begin(const content_ref& content) {
  ++staged_max_;
  const std::string name = staged_name(content.id);
  if (open_->contains(name)) return fail(errc::busy, name + " is being written");
  GRAPHITE_TRY(auto file, open_part(home_, partial_name(name)));
  const auto left = size_of(home_, partial_name(name)).value_or(0);
  return std::make_unique<writer>(home_, name, std::move(file), left, open_);
}

object_folder::writer::writer(int home, std::string name, owned_fd file, std::uint64_t left,
                              std::shared_ptr<names> open)
    : home_(home), name_(std::move(name)), file_(std::move(file)), left_(left), open_(std::move(open)) {
  open_->insert(name_);
}

object_folder::writer::~writer() {
  if (!name_.empty() && std::max(tail_, left_) < cut_off_bytes_min) forget();
  open_->erase(name_);
}

void object_folder::writer::forget() {
  if (!name_.empty()) ::unlinkat(home_, partial_name(name_).c_str(), 0);
  open_->erase(name_);
  name_.clear();
}

bool object_folder::writer::left_before(std::uint64_t offset, std::span<std::byte> out) {
  if (offset != tail_ || offset > left_ || out.size() > left_ - offset) return false;
  return read_fully(file_.get(), out, offset, "read " + name_).has_value();
}

result<void> object_folder::writer::append(byte_span bytes) {
  GRAPHITE_KILL_POINT("mirror.before_large_write");
  GRAPHITE_CHECK(with_room(write_fully(file_.get(), bytes, tail_, "write " + name_), home_, *open_));
  GRAPHITE_KILL_POINT("mirror.after_large_write");
  tail_ += bytes.size();
  return {};
}

result<void> object_folder::writer::read(std::uint64_t offset, std::span<std::byte> out) const {
  return read_fully(file_.get(), out, offset, "read " + name_);
}

result<void> object_folder::writer::finish(byte_span list) {
  GRAPHITE_TRY(const owned_fd beside, create(home_, list_name(name_)));
  GRAPHITE_KILL_POINT("mirror.before_list_write");
  GRAPHITE_CHECK(write_fully(beside.get(), list, 0, "write " + list_name(name_)));
  GRAPHITE_KILL_POINT("mirror.after_list_write");
  if (left_ > tail_ && ::ftruncate(file_.get(), static_cast<off_t>(tail_)) != 0)
    return fail_errno(errno, "cut " + name_);
  if (::fchmod(file_.get(), 0444) != 0) return fail_errno(errno, "chmod " + name_);
  if (::renameat(home_, partial_name(name_).c_str(), home_, name_.c_str()) != 0)
    return fail_errno(errno, "finish " + name_);
  GRAPHITE_KILL_POINT("mirror.after_large_rename");
  open_->erase(name_);
  name_.clear();
  return {};
}

owned_fd object_folder::open_any(const content_ref& content) const {
  owned_fd file(::openat(home_, object_name(content.id).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file) return file;
  return owned_fd(::openat(home_, staged_name(content.id).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
}

std::optional<byte_vector> object_folder::list_of(const content_ref& content) const {
  for (const auto& name : {list_name(object_name(content.id)), list_name(staged_name(content.id))}) {
    const owned_fd file(::openat(home_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat info {};
    if (!file || ::fstat(file.get(), &info) != 0) continue;
    byte_vector out(static_cast<std::size_t>(info.st_size));
    if (::pread(file.get(), out.data(), out.size(), 0) == info.st_size) return out;
  }
  return std::nullopt;
}

result<void> object_folder::read(const content_ref& content, std::uint64_t offset,
                                 std::span<std::byte> out) const {
  const owned_fd file = open_any(content);
  if (!file) return fail(errc::not_found, "no content " + to_hex(content.id));
  return read_fully(file.get(), out, offset, "read a content");
}

result<void> object_folder::adopt(const content_ref& content) {
  const std::string object = object_name(content.id), from = staged_name(content.id);
  GRAPHITE_KILL_POINT("mirror.before_content_rename");
  int moved = ::renameat(home_, from.c_str(), home_, object.c_str());
  if (moved != 0 && errno == ENOENT && size_of(home_, object) == content.size) return {};
  if (moved != 0 && errno == ENOENT) {
    const std::string folder(folder_of(object));
    GRAPHITE_KILL_POINT("mirror.before_shelf_mkdir");
    GRAPHITE_CHECK(make_folder(home_, folder.c_str()));
    GRAPHITE_KILL_POINT("mirror.after_shelf_mkdir");
    moved = ::renameat(home_, from.c_str(), home_, object.c_str());
  }
  if (moved != 0) return fail_errno(errno, "keep a content");
  if (staged_max_ > 0) --staged_max_;
  GRAPHITE_KILL_POINT("mirror.after_content_rename");
  if (content.size <= single_chunk_bytes_max) return {};
  ::renameat(home_, list_name(from).c_str(), home_, list_name(object).c_str());
  GRAPHITE_KILL_POINT("mirror.after_list_rename");
  return {};
}

bool object_folder::collect(const content_ref& content) const {
  struct stat info {};
  const std::string name = object_name(content.id);
  if (::fstatat(home_, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
  if (info.st_nlink > 1) return false;
  GRAPHITE_KILL_POINT("mirror.before_collect");
  if (::unlinkat(home_, name.c_str(), 0) != 0) return false;
  GRAPHITE_KILL_POINT("mirror.after_collect");
  if (content.size > single_chunk_bytes_max) ::unlinkat(home_, list_name(name).c_str(), 0);
  return true;
}

void object_folder::quarantine(const content_ref& content) const {
  for (const auto& name : {object_name(content.id), staged_name(content.id)}) {
    ::unlinkat(home_, name.c_str(), 0);
    ::unlinkat(home_, list_name(name).c_str(), 0);
  }
}

bool object_folder::check(const content_ref& content, const checker& good) const {
  const owned_fd file = open_any(content);
  return file && file_is_good(file, content, good);
}

/// All but the newest large ones.
void object_folder::drop_old_parts(const std::vector<std::string>& names) {
  std::vector<std::pair<std::int64_t, std::string>> newest_first;
  for (const auto& name : names) {
    const std::string path = "staging/" + name;
    struct stat info {};
    if (name.ends_with(part_end) && ::fstatat(home_, path.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(info.st_mode) && static_cast<std::uint64_t>(info.st_size) >= cut_off_bytes_min)
      newest_first.emplace_back(-std::int64_t{info.st_mtime}, path);
    else if (name.ends_with(part_end))
      ::unlinkat(home_, path.c_str(), 0);
  }
  std::sort(newest_first.begin(), newest_first.end());
  for (std::size_t i = cut_off_max; i < newest_first.size(); ++i)
    ::unlinkat(home_, newest_first[i].second.c_str(), 0);
  staged_max_ += std::min(newest_first.size(), cut_off_max);
}

result<void> object_folder::check_staging(const checker& good) {
  const auto names = names_in(home_, "staging");
  drop_old_parts(names);
  for (const auto& name : names) {
    if (name.ends_with(".list") || name.ends_with(part_end)) continue;
    const auto id = digest_from_hex(name);
    const auto size = size_of(home_, "staging/" + name);
    if (id && size && check({*id, *size}, good)) {
      ++staged_max_;
      continue;
    }
    ::unlinkat(home_, ("staging/" + name).c_str(), 0);
    ::unlinkat(home_, list_name("staging/" + name).c_str(), 0);
  }
  return {};
}

std::size_t object_folder::check_objects(const checker& good) const {
  std::size_t bad = 0;
  for (const auto& shelf : names_in(home_, "objects"))
    for (const auto& name : names_in(home_, "objects/" + shelf)) {
      const auto id = digest_from_hex(name);
      const auto size = id ? size_of(home_, object_name(*id)) : std::nullopt;
      if (!size || check({*id, *size}, good)) continue;
      quarantine({*id, *size});
      ++bad;
    }
  return bad;
}

void object_folder::clear_staging() {
  if (staged_max_ == 0) return;
  staged_max_ = 0;
  for (const auto& name : names_in(home_, "staging")) {
    const std::string path = "staging/" + name;
    if (name.ends_with(part_end) && open_->contains(path.substr(0, path.size() - part_end.size())))
      ++staged_max_;
    else
      ::unlinkat(home_, path.c_str(), 0);
  }
}

result<void> object_folder::sync(const std::vector<content_ref>& contents) const {
  if (contents.size() > sync_each_max) {
    if (::syncfs(home_) != 0) return fail_errno(errno, "sync the file system");
    return {};
  }
  for (const auto& content : contents) {
    const owned_fd file = open_any(content);
    if (file && ::fdatasync(file.get()) != 0) return fail_errno(errno, "sync a content");
  }
  return {};
}

}  // namespace graphite
