#include "platform/linux/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <fmt/format.h>
#include <cerrno>
#include <filesystem>

#include "core/kill_point.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

static std::string parent_of(const std::string& path) {
  auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

result<void> write_fully(int fd, byte_span bytes, std::uint64_t offset, std::string_view what) {
  while (!bytes.empty()) {
    ssize_t done = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return fail_errno(done < 0 ? errno : EIO, what);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
  return {};
}

result<void> read_fully(int fd, std::span<std::byte> out, std::uint64_t offset, std::string_view what) {
  while (!out.empty()) {
    ssize_t done = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail_errno(errno, what);
    if (done == 0) return fail(errc::corrupt, fmt::format("{}: ends at byte {}", what, offset));
    out = out.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
  return {};
}

result<void> sync_folder(const std::string& folder) {
  owned_fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + folder);
  if (::fsync(fd.get()) != 0) return fail_errno(errno, "sync " + folder);
  return {};
}

static result<void> write_temporary(const std::string& name, byte_span bytes, mode_t mode, bool durable) {
  owned_fd fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) return fail_errno(errno, "create " + name);
  GRAPHITE_KILL_POINT("file.before_write");
  GRAPHITE_CHECK(write_fully(fd.get(), bytes, 0, "write " + name));
  GRAPHITE_KILL_POINT("file.after_write");
  if (::fchmod(fd.get(), mode) != 0) return fail_errno(errno, "chmod " + name);
  if (durable && ::fsync(fd.get()) != 0) return fail_errno(errno, "sync " + name);
  GRAPHITE_KILL_POINT("file.after_sync");
  return {};
}

result<void> replace_file(const std::string& path, byte_span bytes, mode_t mode, bool durable) {
  // A fixed temporary name: what a crash leaves behind is overwritten by the next attempt.
  const std::string temporary = path + ".tmp";
  if (auto written = write_temporary(temporary, bytes, mode, durable); !written) {
    ::unlink(temporary.c_str());
    return written;
  }
  GRAPHITE_KILL_POINT("file.before_rename");
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary.c_str());
    return fail_errno(reason, "rename to " + path);
  }
  GRAPHITE_KILL_POINT("file.after_rename");
  if (durable) GRAPHITE_CHECK(sync_folder(parent_of(path)));
  GRAPHITE_KILL_POINT("file.after_folder_sync");
  return {};
}

result<void> make_folders(const std::string& folder) {
  std::error_code code;
  if (std::filesystem::is_directory(folder, code)) return {};
  const std::string above = parent_of(folder);
  if (above != folder) GRAPHITE_CHECK(make_folders(above));
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
    return fail_errno(errno, "create folder " + folder);
  return sync_folder(above);
}

result<std::string> read_whole_file(const std::string& path, std::uint64_t bytes_max) {
  owned_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail_errno(errno, "stat " + path);
  if (static_cast<std::uint64_t>(info.st_size) > bytes_max)
    return fail(errc::too_large,
                fmt::format("{} has {} bytes, at most {} expected", path, info.st_size, bytes_max));
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  GRAPHITE_CHECK(read_fully(fd.get(), std::as_writable_bytes(std::span(text)), 0, "read " + path));
  return text;
}

}  // namespace graphite
