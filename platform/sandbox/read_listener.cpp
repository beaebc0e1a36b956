#include "platform/sandbox/read_listener.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <memory>

#include "platform/linux/thread_name.hpp"

namespace graphite {

namespace {

/// The path that a process has in its memory at `address`; empty where it cannot be read.
std::string text_at(unsigned process, unsigned long long address) {
  std::string out(PATH_MAX, '\0');
  std::size_t done = 0;
  // Not over the end of a page at once: the next one may not be there.
  while (done < out.size()) {
    const auto page_left = 4096 - (address + done) % 4096;
    const iovec to{out.data() + done, std::min<std::size_t>(page_left, out.size() - done)};
    const iovec from{reinterpret_cast<void*>(address + done), to.iov_len};
    const auto count = ::process_vm_readv(static_cast<pid_t>(process), &to, 1, &from, 1, 0);
    if (count <= 0) return {};
    const auto* const end =
        static_cast<const char*>(std::memchr(to.iov_base, 0, static_cast<std::size_t>(count)));
    if (end != nullptr) {
      out.resize(static_cast<std::size_t>(end - out.data()));
      return out;
    }
    done += static_cast<std::size_t>(count);
  }
  return {};
}

/// Where the path of a call stands, and the folder that it is relative to.
struct named_path {
  bool has_folder = false;
};

std::optional<named_path> path_of(int call) {
  switch (call) {
#ifdef SYS_open
    case SYS_open:
    case SYS_stat:
    case SYS_lstat:
    case SYS_access:
#endif
    case SYS_execve:
      return named_path{false};
    case SYS_openat:
    case SYS_openat2:
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_faccessat:
    case SYS_faccessat2:
      return named_path{true};
    default:
      return std::nullopt;
  }
}

std::string link_text(const std::string& link) {
  std::error_code code;
  return std::filesystem::read_symlink(link, code).string();
}

}  // namespace

result<std::unique_ptr<read_listener>> read_listener::start() {
  std::unique_ptr<read_listener> out(new read_listener);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno(errno, "socketpair");
  out->ours_.reset(ends[0]);
  out->theirs_.reset(ends[1]);
  out->wake_.reset(::eventfd(0, EFD_CLOEXEC));
  if (!out->wake_) return fail_errno(errno, "eventfd");
  out->thread_ = std::thread([listener = out.get()] {
    name_thread("sandbox-reads");
    listener->run();
  });
  return out;
}

read_listener::~read_listener() { (void)stop(); }

std::vector<std::string> read_listener::stop() {
  if (thread_.joinable()) {
    ::eventfd_write(wake_.get(), 1);
    thread_.join();
  }
  return {paths_.begin(), paths_.end()};
}

owned_fd read_listener::receive() const {
  pollfd waits[2] = {{ours_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  while (::poll(waits, 2, -1) < 0 && errno == EINTR) {
  }
  if (waits[0].revents == 0) return {};
  char byte = 0;
  iovec bytes{&byte, 1};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  if (::recvmsg(ours_.get(), &message, MSG_CMSG_CLOEXEC) <= 0) return {};
  const auto* const head = CMSG_FIRSTHDR(&message);
  if (head == nullptr || head->cmsg_type != SCM_RIGHTS) return {};
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
  return owned_fd(descriptor);
}

void read_listener::run() {
  const auto listener = receive();
  if (!listener) return;
  while (true) {
    pollfd waits[2] = {{listener.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) return;
    // A request first: who asked waits for its answer.
    if ((waits[0].revents & POLLIN) != 0) {
      if (!answer_one(listener.get())) return;
    } else if (waits[0].revents != 0 || waits[1].revents != 0) {
      return;
    }
  }
}

bool read_listener::answer_one(int listener) {
  seccomp_notif asked{};
  if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) return errno == EINTR || errno == ENOENT;
  if (paths_.size() < paths_max)
    note(asked.pid, asked.data.nr, reinterpret_cast<const unsigned long long*>(asked.data.args));
  seccomp_notif_resp answer{};
  answer.id = asked.id;
  answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  // Who asked may be gone.
  return ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0 || errno == ENOENT || errno == EINTR;
}

void read_listener::note(unsigned process, int call, const unsigned long long* arguments) {
  const auto where = path_of(call);
  if (!where) return;
  auto path = text_at(process, arguments[where->has_folder ? 1 : 0]);
  if (path.empty()) return;
  if (path.front() != '/') {
    const auto folder = where->has_folder ? static_cast<int>(arguments[0]) : AT_FDCWD;
    const auto from = folder == AT_FDCWD ? link_text(fmt::format("/proc/{}/cwd", process))
                                         : link_text(fmt::format("/proc/{}/fd/{}", process, folder));
    if (from.empty()) return;
    path = from + '/' + path;
  }
  paths_.insert(std::filesystem::path(path).lexically_normal().string());
}

}  // namespace graphite
