#include "platform/linux/memory_scratch.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "core/logical_path.hpp"

namespace graphite {

namespace {

std::string common_prefix() { return fmt::format("graphite-{}-", ::geteuid()); }

result<owned_fd> open_shared(const std::string& path) {
  owned_fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(errc::unsupported, path + " cannot be opened");
  struct statfs type {};
  struct statvfs how {};
  if (::fstatfs(fd.get(), &type) != 0 || type.f_type != TMPFS_MAGIC)
    return fail(errc::unsupported, path + " is no tmpfs");
  if (::fstatvfs(fd.get(), &how) != 0 || (how.f_flag & (ST_NOEXEC | ST_RDONLY)) != 0)
    return fail(errc::unsupported, path + " is mounted noexec or read-only");
  return fd;
}

/// Opens a folder of ours and locks it; nothing where it is not ours, or somebody holds it, or it is just
/// being removed.
owned_fd lock_folder(int shared, const std::string& name) {
  owned_fd fd(::openat(shared, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat state {
  }, there{};
  if (!fd || ::fstat(fd.get(), &state) != 0 || state.st_uid != ::geteuid()) return {};
  if (::fchmod(fd.get(), 0700) != 0 || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return {};
  const bool same = ::fstatat(shared, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
                    there.st_ino == state.st_ino && there.st_dev == state.st_dev;
  return same ? std::move(fd) : owned_fd{};
}

/// Removes the folders whose processes are no more.
void sweep(int shared, const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(::dup(shared)), &::closedir);
  if (!folder) return;
  std::vector<std::string> names;
  while (const dirent* const entry = ::readdir(folder.get()))
    if (std::string_view(entry->d_name).starts_with(common_prefix())) names.emplace_back(entry->d_name);
  for (const auto& name : names) {
    const auto lock = lock_folder(shared, name);
    std::error_code ignored;
    if (lock) std::filesystem::remove_all(path + "/" + name, ignored);
  }
}

}  // namespace

result<std::unique_ptr<memory_scratch_space>> memory_scratch_space::make(
    memory_scratch_options options, std::unique_ptr<scratch_space>& disk) {
  GRAPHITE_TRY(const auto shared, open_shared(options.shared));
  sweep(shared.get(), options.shared);
  const auto name = fmt::format("{}{:016x}", common_prefix(), id_of_path_text(options.owner).value);
  auto root = options.shared + "/" + name;
  if (::mkdirat(shared.get(), name.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(errc::unsupported, "cannot make " + root + ": " + std::generic_category().message(errno));
  auto lock = lock_folder(shared.get(), name);
  if (!lock) return fail(errc::unsupported, root + " is another user's, or another process holds it");
  const disk_scratch_space::limits within{options.file_bytes_max, options.free_bytes_low};
  std::unique_ptr<memory_scratch_space> out(
      new memory_scratch_space(std::move(options), std::move(root), std::move(lock)));
  GRAPHITE_TRY(out->memory_, disk_scratch_space::make(out->root_, within));
  out->disk_ = std::move(disk);
  return out;
}

memory_scratch_space::~memory_scratch_space() {
  memory_.reset();
  ::rmdir(root_.c_str());
}

bool memory_scratch_space::fits(const scratch_need& need) const {
  if (need.roomy || need.input_bytes > options_.input_bytes_max) return false;
  struct statvfs state {};
  return ::fstatvfs(lock_.get(), &state) == 0 &&
         static_cast<std::uint64_t>(state.f_bavail) * state.f_frsize >= options_.free_bytes_min;
}

result<std::unique_ptr<scratch_folder>> memory_scratch_space::create(const scratch_need& need) {
  if (fits(need))
    if (auto made = memory_->create(need)) return made;
  return disk_->create(need);
}

}  // namespace graphite
