#include "platform/keys/key_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/durable_file.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

namespace {

constexpr mode_t others = S_IRWXG | S_IRWXO;

result<void> check_owner(const struct stat& facts, const std::string& path) {
  const auto self = ::geteuid();
  if (facts.st_uid != self && facts.st_uid != 0)
    return fail(
        errc::permission_denied,
        fmt::format("{} belongs to user {}, not to {}, who reads it: a key that somebody else can change",
                    path, facts.st_uid, self));
  if ((facts.st_mode & others) != 0)
    return fail(
        errc::permission_denied,
        fmt::format("{} is open to others (mode {:04o}): run `chmod {} {}`, and take its keys for stolen "
                    "if others could read it",
                    path, facts.st_mode & 07777, S_ISDIR(facts.st_mode) ? "700" : "600", path));
  return {};
}

}  // namespace

result<secret_bytes> read_secret_file(const std::string& path, std::size_t bytes_max) {
  const owned_fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ELOOP)
    return fail(errc::permission_denied, fmt::format("{} is a link: keys are files", path));
  if (!fd) return fail_errno(errno, path);
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0) return fail_errno(errno, path);
  if (!S_ISREG(facts.st_mode)) return fail(errc::permission_denied, fmt::format("{} is no file", path));
  GRAPHITE_CHECK(check_owner(facts, path));
  if (static_cast<std::uint64_t>(facts.st_size) > bytes_max)
    return fail(errc::too_large, fmt::format("{} has more than {} bytes: no key has", path, bytes_max));
  byte_vector bytes(static_cast<std::size_t>(facts.st_size));
  GRAPHITE_CHECK(read_fully(fd.get(), bytes, 0, path));
  return secret_bytes(std::move(bytes));
}

result<std::string> read_believed_file(const std::string& path, std::size_t bytes_max) {
  const owned_fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return fail_errno(errno, path);
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0) return fail_errno(errno, path);
  if (!S_ISREG(facts.st_mode)) return fail(errc::permission_denied, fmt::format("{} is no file", path));
  if (facts.st_uid != ::geteuid() && facts.st_uid != 0)
    return fail(
        errc::permission_denied,
        fmt::format("{} belongs to user {}, who could change what is believed: take a copy with `install "
                    "-m 644`, once you trust what it says",
                    path, facts.st_uid));
  if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(errc::permission_denied,
                fmt::format("others can write {} (mode {:04o}): run `chmod go-w {}`, once you have made sure "
                            "that it says what it should",
                            path, facts.st_mode & 07777, path));
  if (static_cast<std::uint64_t>(facts.st_size) > bytes_max)
    return fail(errc::too_large, fmt::format("{} has more than {} bytes", path, bytes_max));
  std::string out(static_cast<std::size_t>(facts.st_size), '\0');
  GRAPHITE_CHECK(read_fully(fd.get(), std::as_writable_bytes(std::span(out)), 0, path));
  return out;
}

result<void> write_key_file(const std::string& path, byte_span bytes) {
  return replace_file(path, bytes, S_IRUSR | S_IWUSR);
}

void leave_no_core_file() {
  const rlimit one_byte{1, 1};
  ::setrlimit(RLIMIT_CORE, &one_byte);
}

result<void> make_key_folder(const std::string& path) {
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return fail_errno(errno, path);
  return check_key_folder(path);
}

result<void> check_key_folder(const std::string& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) return fail_errno(errno, path);
  if (!S_ISDIR(facts.st_mode)) return fail(errc::permission_denied, fmt::format("{} is no folder", path));
  return check_owner(facts, path);
}

}  // namespace graphite
