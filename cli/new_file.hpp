#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "platform/linux/durable_file.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// A file that is not there yet, written from its beginning.
class new_file {
 public:
  static result<new_file> make(const std::filesystem::path& path) {
    std::error_code code;
    std::filesystem::create_directories(path.parent_path(), code);  // open says what is wrong
    owned_fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (fd.get() < 0) return fail_errno(errno, path.string());
    return new_file(path, std::move(fd));
  }
  result<void> append(byte_span bytes) {
    const auto at = std::exchange(written_, written_ + bytes.size());
    return write_fully(fd_.get(), bytes, at, path_.string());
  }

 private:
  new_file(std::filesystem::path path, owned_fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::filesystem::path path_;
  owned_fd fd_;
  std::uint64_t written_ = 0;
};

/// A name beside the target that goes unless keep() renames it to the target.
class temporary_path {
 public:
  explicit temporary_path(const std::filesystem::path& target)
      : target_(target), path_(target.string() + fmt::format(".partial-{}", ::getpid())) {}
  temporary_path(const temporary_path&) = delete;
  temporary_path& operator=(const temporary_path&) = delete;
  ~temporary_path() {
    std::error_code ignored;
    if (!kept_) std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  result<void> keep() {
    if (::rename(path_.c_str(), target_.c_str()) != 0) return fail_errno(errno, target_.string());
    kept_ = true;
    return {};
  }

 private:
  std::filesystem::path target_, path_;
  bool kept_ = false;
};

/// What `text` names, absolute: "DIR/" is DIR.
inline std::filesystem::path target_of(const std::string& text) {
  const auto path = std::filesystem::absolute(text).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

/// Whether a folder can be made there by renaming one. Errors: already_exists (it is something else, or has
/// something in it).
inline result<void> check_new_folder(const std::string& text) {
  namespace fs = std::filesystem;
  std::error_code code;
  const auto target = target_of(text);
  if (!fs::exists(fs::symlink_status(target, code)) ||
      (fs::is_directory(target, code) && fs::is_empty(target, code)))
    return {};
  return fail(errc::already_exists, text + " is there and not empty: name a new folder");
}

}  // namespace graphite
