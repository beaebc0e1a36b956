#include "platform/linux/scratch_space.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "platform/linux/owned_fd.hpp"

namespace graphite {

namespace {

constexpr int depth_max = 512;  ///< of folders a tool makes; more is an error, not a stack overflow

struct folder_closer {
  void operator()(DIR* d) const { ::closedir(d); }
};
using folder_stream = std::unique_ptr<DIR, folder_closer>;

folder_stream open_folder(int at, const char* name) {
  const int fd = ::openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return nullptr;
  if (DIR* const out = ::fdopendir(fd)) return folder_stream(out);
  ::close(fd);
  return nullptr;
}

bool is_dot(const char* name) { return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0)); }

bool empty_folder(int at, const char* name, int depth);

/// Removes one entry of a folder. Folders a tool made unwritable are opened up.
bool remove_entry(int folder, const char* name, bool is_folder, int depth) {
  if (!is_folder && ::unlinkat(folder, name, 0) == 0) return true;
  if (!is_folder && errno == EACCES && ::fchmod(folder, 0700) == 0 && ::unlinkat(folder, name, 0) == 0)
    return true;
  if (!empty_folder(folder, name, depth + 1)) return false;
  if (::unlinkat(folder, name, AT_REMOVEDIR) == 0) return true;
  return errno == EACCES && ::fchmod(folder, 0700) == 0 && ::unlinkat(folder, name, AT_REMOVEDIR) == 0;
}

/// Removes what is below `at`/`name`, never following a link; true where nothing is left.
bool empty_folder(int at, const char* name, int depth) {
  auto folder = open_folder(at, name);
  if (!folder && errno == EACCES && ::fchmodat(at, name, 0700, 0) == 0) folder = open_folder(at, name);
  if (!folder || depth > depth_max) return false;
  bool all = true;
  while (const dirent* const entry = ::readdir(folder.get()))
    if (!is_dot(entry->d_name))
      all = remove_entry(::dirfd(folder.get()), entry->d_name, entry->d_type == DT_DIR, depth) && all;
  return all;
}

file_kind kind_of(const struct stat& state) {
  if (S_ISREG(state.st_mode)) return file_kind::regular;
  if (S_ISDIR(state.st_mode)) return file_kind::folder;
  return S_ISLNK(state.st_mode) ? file_kind::link : file_kind::special;
}

result<void> list_below(int at, const char* name, const std::string& prefix, std::size_t max, int depth,
                        std::vector<scratch_entry>& out) {
  const auto folder = open_folder(at, name);
  if (!folder) return fail_errno(errno, fmt::format("list scratch folder {}", prefix));
  if (depth > depth_max) return fail(errc::too_large, fmt::format("folders deeper than {}", depth_max));
  while (const dirent* const entry = ::readdir(folder.get())) {
    if (is_dot(entry->d_name)) continue;
    struct stat state {};
    if (::fstatat(::dirfd(folder.get()), entry->d_name, &state, AT_SYMLINK_NOFOLLOW) != 0) continue;
    const auto kind = kind_of(state);
    if (kind == file_kind::folder) {
      GRAPHITE_CHECK(list_below(::dirfd(folder.get()), entry->d_name, prefix + entry->d_name + '/', max,
                                depth + 1, out));
      continue;
    }
    if (out.size() >= max) return fail(errc::too_large, fmt::format("more than {} files", max));
    out.push_back({prefix + entry->d_name, kind, static_cast<std::uint64_t>(state.st_size)});
  }
  return {};
}

class fd_writer final : public scratch_folder::file_writer {
 public:
  explicit fd_writer(owned_fd fd) : fd_(std::move(fd)) {}
  result<void> write(byte_span bytes) override {
    while (!bytes.empty()) {
      const auto count = ::write(fd_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return fail_errno(errno, "write to a scratch folder");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
  }

 private:
  owned_fd fd_;
};

class scratch_file final : public open_file {
 public:
  explicit scratch_file(owned_fd fd) : fd_(std::move(fd)) {}

  result<file_info> info() const override {
    struct stat state {};
    if (::fstat(fd_.get(), &state) != 0) return fail_errno(errno, "stat in a scratch folder");
    file_info out{kind_of(state), {}};
    out.signature.device = state.st_dev;
    out.signature.inode = state.st_ino;
    out.signature.size = static_cast<std::uint64_t>(state.st_size);
    out.signature.mtime_ns = state.st_mtim.tv_sec * 1'000'000'000 + state.st_mtim.tv_nsec;
    out.signature.ctime_ns = state.st_ctim.tv_sec * 1'000'000'000 + state.st_ctim.tv_nsec;
    return out;
  }

  result<std::size_t> read(std::span<std::byte> out) override {
    while (true) {
      const auto count = ::read(fd_.get(), out.data(), out.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) return fail_errno(errno, "read in a scratch folder");
    }
  }

 private:
  owned_fd fd_;
};

}  // namespace

class disk_scratch_space::folder final : public scratch_folder {
 public:
  folder(disk_scratch_space& space, std::size_t number)
      : space_(space),
        number_(number),
        name_(std::to_string(number)),
        path_(fmt::format("{}/{}/work", space.root_, number)),
        temporary_(fmt::format("{}/{}/tmp", space.root_, number)) {}

  /// Keeps the folders themselves for the next attempt: making them is most of what a small one costs.
  ~folder() override {
    const int root = space_.root_fd_.get();
    const bool clean = work_ && empty_folder(root, work_name().c_str(), 0) &&
                       empty_folder(root, temporary_name().c_str(), 0);
    work_.reset();
    // A number whose folder will not go is never used again.
    if (clean || space_.remove_folder(name_)) space_.give_back(number_, clean);
  }

  result<void> make(bool reuse) {
    const int root = space_.root_fd_.get();
    if (!reuse &&
        (::mkdirat(root, name_.c_str(), 0700) != 0 || ::mkdirat(root, work_name().c_str(), 0700) != 0 ||
         ::mkdirat(root, temporary_name().c_str(), 0700) != 0))
      return fail_errno(errno, fmt::format("make scratch folder {}", path_));
    work_.reset(::openat(root, work_name().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!work_) return fail_errno(errno, fmt::format("open scratch folder {}", path_));
    if (reuse) ::fchmod(work_.get(), 0700);  // whatever the last tool made of it
    return {};
  }

  const std::string& path() const override { return path_; }
  const std::string& temporary_path() const override { return temporary_; }
  std::uint64_t file_bytes_max() const override { return space_.limits_.file_bytes_max; }
  bool short_of_space() const override {
    if (space_.limits_.free_bytes_low == 0) return false;
    struct statvfs state {};
    return ::fstatvfs(work_.get(), &state) == 0 &&
           static_cast<std::uint64_t>(state.f_bavail) * state.f_frsize < space_.limits_.free_bytes_low;
  }

  /// Each can be run: the mode of a source is not part of what an action depends on.
  result<std::unique_ptr<file_writer>> create(const logical_path& path) override {
    GRAPHITE_CHECK(create_folder_of(path));
    owned_fd fd(::openat(work_.get(), path.str().c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755));
    if (!fd) return fail_errno(errno, fmt::format("create {} in a scratch folder", path.str()));
    return std::make_unique<fd_writer>(std::move(fd));
  }

  result<void> create_folder_of(const logical_path& path) override {
    const std::string folder(path.folder());
    if (folder.empty() || made_.contains(folder)) return {};
    for (auto end = folder.find('/'); true; end = folder.find('/', end + 1)) {
      auto part = folder.substr(0, end);
      if (::mkdirat(work_.get(), part.c_str(), 0755) != 0 && errno != EEXIST)
        return fail_errno(errno, fmt::format("make folder {} in a scratch folder", part));
      made_.insert(std::move(part));
      if (end == std::string::npos) return {};
    }
  }

  result<std::vector<scratch_entry>> list(std::size_t entries_max) const override {
    std::vector<scratch_entry> out;
    GRAPHITE_CHECK(list_below(work_.get(), ".", {}, entries_max, 0, out));
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return out;
  }

  /// After the tool has run and its group is gone, so nobody changes folders under the path meanwhile;
  /// list() has shown them to be real ones, and O_NOFOLLOW guards the last step.
  result<std::unique_ptr<open_file>> open(const logical_path& path) const override {
    owned_fd fd(::openat(work_.get(), path.str().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd && errno == ELOOP) return fail(errc::invalid_argument, path.str() + " is a link");
    if (!fd) return fail_errno(errno, fmt::format("open {} in a scratch folder", path.str()));
    struct stat state {};
    if (::fstat(fd.get(), &state) != 0 || !S_ISREG(state.st_mode))
      return fail(errc::invalid_argument, path.str() + " is no regular file");
    return std::make_unique<scratch_file>(std::move(fd));
  }

 private:
  std::string work_name() const { return name_ + "/work"; }
  std::string temporary_name() const { return name_ + "/tmp"; }

  disk_scratch_space& space_;
  std::size_t number_;
  std::string name_, path_, temporary_;
  owned_fd work_;
  std::set<std::string> made_;
};

result<std::unique_ptr<disk_scratch_space>> disk_scratch_space::make(std::string root, limits within) {
  if (!root.starts_with('/'))
    return fail(errc::invalid_argument, "the scratch root must be absolute: " + root);
  std::error_code failed;
  std::filesystem::create_directories(root, failed);
  if (failed) return fail_errno(failed.value(), "create " + root);
  root = std::filesystem::canonical(root, failed);  // as a tool's getcwd() tells it
  if (failed) return fail_errno(failed.value(), "resolve " + root);
  empty_folder(AT_FDCWD, root.c_str(), 0);
  owned_fd fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + root);
  return std::unique_ptr<disk_scratch_space>(new disk_scratch_space(std::move(root), std::move(fd), within));
}

disk_scratch_space::~disk_scratch_space() {
  for (const auto number : ready_) remove_folder(std::to_string(number));
}

result<std::unique_ptr<scratch_folder>> disk_scratch_space::create(const scratch_need&) {
  GRAPHITE_TRY(const auto place, take_number());
  auto out = std::make_unique<folder>(*this, place.number);
  GRAPHITE_CHECK(out->make(place.ready));
  return out;
}

result<disk_scratch_space::place> disk_scratch_space::take_number() {
  const std::lock_guard lock(mutex_);
  std::size_t number = 0;
  for (auto at = used_.begin(); at != used_.end() && *at == number; ++at) ++number;
  if (number >= folders_max)
    return fail(errc::busy, fmt::format("{} scratch folders are in use", folders_max));
  used_.insert(number);
  return place{number, ready_.erase(number) != 0};
}

void disk_scratch_space::give_back(std::size_t number, bool ready) {
  const std::lock_guard lock(mutex_);
  used_.erase(number);
  if (ready) ready_.insert(number);
}

bool disk_scratch_space::remove_folder(const std::string& name) {
  empty_folder(root_fd_.get(), name.c_str(), 0);
  return ::unlinkat(root_fd_.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
}

}  // namespace graphite
