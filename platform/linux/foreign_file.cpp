#include "platform/linux/foreign_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>

#include "platform/linux/durable_file.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/linux/positional_io.hpp"

namespace graphite {

namespace {

struct replaced_place {
  std::string path;  ///< where links lead
  std::optional<::mode_t>
      mode;  ///< of what is there, without those of set-user-id, which are not ours to give
};

result<replaced_place> place_of(const std::string& path) {
  if (path.empty()) return fail(errc::not_found, "an empty path names no file");
  struct ::stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return replaced_place{path, {}};
    return fail_errno(errno, "cannot look at '" + path + "'");
  }
  replaced_place out{path, {}};
  if (S_ISLNK(found.st_mode)) {
    const std::unique_ptr<char, void (*)(void*)> end(::realpath(path.c_str(), nullptr), ::free);
    if (!end || ::stat(end.get(), &found) != 0) return fail_errno(errno, "cannot follow '" + path + "'");
    out.path = end.get();
  }
  if (!S_ISREG(found.st_mode)) return fail(errc::invalid_argument, "'" + path + "' is not a regular file");
  out.mode = found.st_mode & 0777;
  return out;
}

std::string parent_folder(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// A number that no other thread or process has just now.
std::uint64_t fresh_number() {
  std::uint64_t out = 0;
  if (::getrandom(&out, sizeof out, GRND_NONBLOCK) == sizeof out) return out;
  struct ::timespec now {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_nsec) << 32 | static_cast<std::uint32_t>(::getpid());
}

/// A file of a fresh name, which is removed with its owner unless it was renamed.
class temporary_file {
 public:
  temporary_file() = default;
  ~temporary_file() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;

  result<void> make(const std::string& folder, ::mode_t mode) {
    constexpr int tries_max = 16;
    for (int tried = 0; tried < tries_max; ++tried) {
      auto name = fmt::format("{}/.graphite-{:016x}.tmp", folder, fresh_number());
      fd_.reset(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
      if (fd_) {
        name_ = std::move(name);
        return {};
      }
      if (errno != EEXIST && errno != EINTR) break;
    }
    return fail_errno(errno, "cannot make a file in '" + folder + "'");
  }

  /// With these permissions, where they are given: only once nobody writes to it any more, as writing would
  /// take some away.
  result<void> fill(byte_span bytes, std::optional<::mode_t> mode) {
    const auto put = write_at(fd_.get(), bytes.data(), bytes.size(), 0);
    if (put.failed_errno == EFAULT)
      return fail(errc::invalid_argument, "the data is no memory that can be read");
    if (put.failed_errno != 0) return fail_errno(put.failed_errno, "writing '" + name_ + "'");
    if (mode && ::fchmod(fd_.get(), *mode) != 0) return fail_errno(errno, "permissions of '" + name_ + "'");
    while (::fsync(fd_.get()) != 0)
      if (errno != EINTR) return fail_errno(errno, "syncing '" + name_ + "'");
    return {};
  }

  result<void> become(const std::string& path) {
    if (::rename(name_.c_str(), path.c_str()) != 0) return fail_errno(errno, "renaming to '" + path + "'");
    name_.clear();
    return {};
  }

 private:
  owned_fd fd_;
  std::string name_;  ///< empty: nothing is to be removed
};

}  // namespace

result<void> replace_foreign_file(const std::string& path, byte_span bytes) {
  GRAPHITE_TRY(const auto place, place_of(path));
  const auto folder = parent_folder(place.path);
  temporary_file next;
  GRAPHITE_CHECK(next.make(folder, place.mode ? 0600 : 0666));
  GRAPHITE_CHECK(next.fill(bytes, place.mode));
  GRAPHITE_CHECK(next.become(place.path));
  if (auto synced = sync_folder(folder); !synced)
    return fail(synced.error().code,
                "'" + path + "' is replaced, but a crash may undo it: " + std::move(synced).error().context);
  return {};
}

}  // namespace graphite
