#include "platform/mirror/link_tree.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/kill_point.hpp"
#include "core/path_text.hpp"

namespace graphite {

namespace {

constexpr const char* scratch = "link.tmp";  // in home

/// For more links to one file than the file system allows. 0 or errno.
int copy_file(int home, const std::string& from, int to_folder, const std::string& to) {
  const owned_fd in(::openat(home, from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return errno;
  const owned_fd out(::openat(to_folder, to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
  if (!out) return errno;
  for (;;) {
    const auto copied = ::copy_file_range(in.get(), nullptr, out.get(), nullptr, 1 << 30, 0);
    if (copied < 0) return errno;
    if (copied == 0) return 0;
  }
}

}  // namespace

result<link_tree> link_tree::open(int home, const std::string& name) {
  if (::mkdirat(home, name.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno(errno, "make " + name);
  GRAPHITE_KILL_POINT("mirror.after_tree_mkdir");
  owned_fd folder(::openat(home, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return fail_errno(errno, "open " + name);
  return link_tree(home, name, std::move(folder));
}

int link_tree::link(const std::string& object, int to_folder, const std::string& to) {
  GRAPHITE_KILL_POINT("mirror.before_link");
  int failed = ::linkat(home_, object.c_str(), to_folder, to.c_str(), 0) == 0 ? 0 : errno;
  if (failed == EMLINK) failed = copy_file(home_, object, to_folder, to);
  GRAPHITE_KILL_POINT("mirror.after_link");
  return failed;
}

result<void> link_tree::place(const logical_path& path, const std::string& object, bool over) {
  if (over) return place_over(path, object);
  int failed = link(object, folder_.get(), path.str());
  if (failed == ENOENT) {
    GRAPHITE_CHECK(make_parents(path));
    failed = link(object, folder_.get(), path.str());
  }
  if (failed == EEXIST) return place_over(path, object);
  if (failed != 0) return fail_errno(failed, "show " + path.str());
  return {};
}

result<void> link_tree::place_over(const logical_path& path, const std::string& object) {
  int failed = link(object, home_, scratch);
  if (failed == EEXIST) {  // left by a crash, or by a rename between two names of one file
    ::unlinkat(home_, scratch, 0);
    failed = link(object, home_, scratch);
  }
  if (failed != 0) return fail_errno(failed, "show " + path.str());
  failed = exchange(path);
  if (failed == ENOENT) {
    GRAPHITE_CHECK(make_parents(path));
    failed = ::renameat(home_, scratch, folder_.get(), path.str().c_str()) == 0 ? 0 : errno;
    GRAPHITE_KILL_POINT("mirror.after_place_rename");
  }
  if (failed != 0) return fail_errno(failed, "show " + path.str());
  return {};
}

/// What is at `path` gives way to `scratch` and goes. ENOENT where nothing is there. Not by renaming over it,
/// where it can be had: ext4 then starts to write the new file's bytes to the disk at once.
int link_tree::exchange(const logical_path& path) {
  const char* name = path.str().c_str();
  GRAPHITE_KILL_POINT("mirror.before_exchange");
  if (::renameat2(home_, scratch, folder_.get(), name, RENAME_EXCHANGE) != 0) {
    if (errno != EINVAL && errno != ENOSYS) return errno;
    return ::renameat(home_, scratch, folder_.get(), name) == 0 ? 0 : errno;
  }
  GRAPHITE_KILL_POINT("mirror.after_exchange");
  if (::unlinkat(home_, scratch, 0) == 0) return 0;
  const int failed = errno;  // it was a folder, which is not ours
  ::renameat2(home_, scratch, folder_.get(), name, RENAME_EXCHANGE);
  return failed;
}

result<void> link_tree::make_parents(const logical_path& path) {
  const std::string text(path.folder());
  for (std::size_t at = 0; at < text.size();) {
    const auto slash = text.find('/', at);
    const std::string part = text.substr(0, slash);
    GRAPHITE_KILL_POINT("mirror.before_mkdir");
    if (::mkdirat(folder_.get(), part.c_str(), 0755) != 0 && errno != EEXIST)
      return fail_errno(errno, "make the folder " + part);
    GRAPHITE_KILL_POINT("mirror.after_mkdir");
    at = slash == std::string::npos ? text.size() : slash + 1;
  }
  return {};
}

result<void> link_tree::remove(const logical_path& path) {
  GRAPHITE_KILL_POINT("mirror.before_unlink");
  if (::unlinkat(folder_.get(), path.str().c_str(), 0) != 0 && errno != ENOENT && errno != ENOTDIR &&
      errno != EISDIR)
    return fail_errno(errno, "remove " + path.str());
  GRAPHITE_KILL_POINT("mirror.after_unlink");
  std::string folder(path.folder());
  while (!folder.empty()) {
    GRAPHITE_KILL_POINT("mirror.before_rmdir");
    if (::unlinkat(folder_.get(), folder.c_str(), AT_REMOVEDIR) != 0) break;
    GRAPHITE_KILL_POINT("mirror.after_rmdir");
    folder.resize(folder_of(folder).size());
  }
  return {};
}

result<void> link_tree::replace(const std::string& trash) {
  GRAPHITE_KILL_POINT("mirror.before_tree_rename");
  if (::renameat(home_, name_.c_str(), home_, trash.c_str()) != 0)
    return fail_errno(errno, "set aside " + name_);
  GRAPHITE_KILL_POINT("mirror.after_tree_rename");
  GRAPHITE_TRY(auto fresh, open(home_, name_));
  folder_ = std::move(fresh.folder_);
  return {};
}

}  // namespace graphite
