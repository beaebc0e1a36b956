#include "platform/mirror/object_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/kill_point.hpp"
#include "core/path_text.hpp"
#include "platform/linux/durable_file.hpp"

namespace graphite {
namespace {

constexpr std::size_t sync_each_max = 64;  ///< more are synced with their whole file system

std::string staged_name(const digest& id) { return "staging/" + to_hex(id); }
std::string list_name(const std::string& name) { return name + ".list"; }
std::string partial_name(const digest& id) { return staged_name(id) + ".part"; }

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
  auto written = write_fully(file.get(), bytes, 0, "write " + name);
  GRAPHITE_KILL_POINT("mirror.after_content_write");
  if (!written) ::unlinkat(home_, name.c_str(), 0);
  return written;
}

result<std::unique_ptr<object_folder::writer>> object_folder::begin(const content_ref& content) {
  ++staged_max_;
  GRAPHITE_TRY(auto file, create(home_, partial_name(content.id)));
  return std::make_unique<writer>(home_, staged_name(content.id), std::move(file));
}

object_folder::writer::~writer() {
  if (!name_.empty()) ::unlinkat(home_, (name_ + ".part").c_str(), 0);
}

result<void> object_folder::writer::append(byte_span bytes) {
  GRAPHITE_KILL_POINT("mirror.before_large_write");
  GRAPHITE_CHECK(write_fully(file_.get(), bytes, tail_, "write " + name_));
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
  if (::renameat(home_, (name_ + ".part").c_str(), home_, name_.c_str()) != 0)
    return fail_errno(errno, "finish " + name_);
  GRAPHITE_KILL_POINT("mirror.after_large_rename");
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

std::vector<std::string> object_folder::names_in(const std::string& of) const {
  std::vector<std::string> out;
  const int folder = ::openat(home_, of.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = folder < 0 ? nullptr : ::fdopendir(folder);
  if (!entries) return out;
  while (const dirent* entry = ::readdir(entries))
    if (entry->d_name[0] != '.') out.emplace_back(entry->d_name);
  ::closedir(entries);
  return out;
}

result<void> object_folder::check_staging(const checker& good) {
  for (const auto& name : staged()) {
    if (name.ends_with(".list")) continue;
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
  for (const auto& shelf : names_in("objects"))
    for (const auto& name : names_in("objects/" + shelf)) {
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
  for (const auto& name : staged()) {
    if (name.ends_with(".part"))
      ++staged_max_;
    else
      ::unlinkat(home_, ("staging/" + name).c_str(), 0);
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
