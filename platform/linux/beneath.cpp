#include "platform/linux/beneath.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <vector>

namespace graphite {

namespace {

constexpr int links_followed_max = 40;

tl::unexpected<error> leaves_root(std::string_view path) {
  return fail(errc::invalid_argument, "'" + std::string(path) + "' leads out of the root");
}

std::string read_link(int folder, const std::string& name) {
  std::string text(PATH_MAX, '\0');
  const auto size = ::readlinkat(folder, name.c_str(), text.data(), text.size());
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

/// Puts the components of `path` on top of `todo`, the first one last.
void push_components(std::string_view path, std::vector<std::string>& todo) {
  while (!path.empty()) {
    const auto slash = path.rfind('/');
    const auto part = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
    if (!part.empty() && part != ".") todo.emplace_back(part);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
  }
}

/// One resolution. Keeps the descriptors from the root down, so that `..` never asks the file system.
class stepwise {
 public:
  stepwise(int root, std::string_view path, int flags) : root_(root), whole_(path), flags_(flags) {}

  result<owned_fd> run() {
    push_components(whole_, todo_);
    while (!todo_.empty()) {
      auto name = std::move(todo_.back());
      todo_.pop_back();
      if (name == "..") {
        if (down_.empty()) return leaves_root(whole_);
        down_.pop_back();
        continue;
      }
      const auto link = read_link(here(), name);
      if (!link.empty()) {
        GRAPHITE_CHECK(follow(link));
      } else if (todo_.empty()) {
        return open_at(name, flags_ | O_NOFOLLOW);
      } else {
        GRAPHITE_TRY(auto folder, open_at(name, O_PATH | O_DIRECTORY | O_NOFOLLOW));
        down_.push_back(std::move(folder));
      }
    }
    return open_at(".", flags_);
  }

 private:
  int here() const { return down_.empty() ? root_ : down_.back().get(); }

  result<owned_fd> open_at(const std::string& name, int flags) const {
    owned_fd fd(::openat(here(), name.c_str(), flags | O_CLOEXEC));
    if (!fd) return fail_errno(errno, "'" + std::string(whole_) + "'");
    return fd;
  }

  result<void> follow(const std::string& link) {
    if (++followed_ > links_followed_max)
      return fail(errc::invalid_argument, "'" + std::string(whole_) + "' leads through too many links");
    if (link.front() != '/') return push_components(link, todo_), result<void>{};
    const auto inside = relative_to(path_of(root_), link);
    if (!inside.below) return leaves_root(whole_);
    down_.clear();
    push_components(inside.path, todo_);
    return {};
  }

  int root_;
  std::string_view whole_;
  int flags_;
  int followed_ = 0;
  std::vector<std::string> todo_;  ///< last is next
  std::vector<owned_fd> down_;
};

}  // namespace

result<owned_fd> open_root_folder(const std::string& path) {
  owned_fd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "cannot open the folder '" + path + "'");
  return fd;
}

result<owned_fd> open_beneath_stepwise(int root, std::string_view path, int flags) {
  return stepwise(root, path, flags).run();
}

result<owned_fd> open_beneath(int root, std::string_view path, int flags) {
  static std::atomic<bool> missing{false};
  if (missing.load(std::memory_order_relaxed)) return open_beneath_stepwise(root, path, flags);
  ::open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const std::string name(path.empty() ? std::string_view(".") : path);
  owned_fd fd(static_cast<int>(::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how)));
  if (fd) return fd;
  if (errno == ENOSYS) missing = true;
  // EPERM: a container's filter. EXDEV: an absolute link, or really outside. EAGAIN: a rename raced.
  if (errno == ENOSYS || errno == EPERM || errno == EXDEV || errno == EAGAIN)
    return open_beneath_stepwise(root, path, flags);
  if (errno == ELOOP) return fail(errc::invalid_argument, "'" + name + "' leads through too many links");
  return fail_errno(errno, "'" + name + "'");
}

std::string path_of(int fd) {
  auto path = read_link(AT_FDCWD, "/proc/self/fd/" + std::to_string(fd));
  if (path.empty() || path.front() != '/' || path.ends_with(" (deleted)")) return {};
  return path;
}

relative_name relative_to(std::string_view root, std::string_view absolute) {
  while (!root.empty() && root.back() == '/') root.remove_suffix(1);
  if (!absolute.starts_with(root)) return {};
  auto rest = absolute.substr(root.size());
  if (!rest.empty() && rest.front() != '/') return {};
  while (!rest.empty() && rest.front() == '/') rest.remove_prefix(1);
  return {true, std::string(rest)};
}

}  // namespace graphite
