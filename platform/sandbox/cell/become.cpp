#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "platform/sandbox/cell/cell.hpp"

namespace graphite::cell {

namespace {

constexpr std::size_t told_bytes_max = 512, filter_bytes_max = 64 * 1024;

/// The program of the filter, as libseccomp wrote it.
std::vector<sock_filter> read_filter(const request& what) {
  struct stat state {};
  if (::fstat(what.filter, &state) != 0) give_up(what, "the system call filter");
  const auto size = static_cast<std::size_t>(state.st_size);
  if (size == 0 || size > filter_bytes_max || size % sizeof(sock_filter) != 0) {
    errno = EINVAL;
    give_up(what, "the system call filter");
  }
  std::vector<sock_filter> out(size / sizeof(sock_filter));
  if (::pread(what.filter, out.data(), size, 0) != static_cast<ssize_t>(size))
    give_up(what, "the system call filter");
  return out;
}

/// The variables that the tool gets, with pointers to them.
class variables {
 public:
  explicit variables(const request& what) {
    if (what.environment < 0) return;
    struct stat state {};
    if (::fstat(what.environment, &state) != 0) give_up(what, "the environment");
    text_.resize(static_cast<std::size_t>(state.st_size));
    if (::pread(what.environment, text_.data(), text_.size(), 0) != static_cast<ssize_t>(text_.size()))
      give_up(what, "the environment");
    for (std::size_t at = 0; at < text_.size(); at += std::strlen(&text_[at]) + 1) all_.push_back(&text_[at]);
    all_.push_back(nullptr);
  }
  char* const* get() const { return all_.empty() ? environ : all_.data(); }

 private:
  std::vector<char> text_;
  std::vector<char*> all_;
};

void send_descriptor(const request& what, int descriptor) {
  char byte = 'L';
  iovec bytes{&byte, 1};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  auto* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
  if (::sendmsg(what.reads, &message, MSG_NOSIGNAL) != 1) give_up(what, "the listener of reads");
}

void install_filter(const request& what) {
  auto code = read_filter(what);
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  const unsigned flags = what.reads >= 0 ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  const long made = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (made < 0) give_up(what, "seccomp");
  if (what.reads < 0) return;
  // From here on only calls that nobody has to answer.
  send_descriptor(what, static_cast<int>(made));
  ::close(static_cast<int>(made));
  ::close(what.reads);
}

}  // namespace

void tell(int status, char letter, int number, std::string_view text) {
  if (status < 0) return;
  char out[told_bytes_max];
  const auto size = text.size() < sizeof out - 5 ? text.size() : sizeof out - 5;
  out[0] = letter;
  std::memcpy(out + 1, &number, sizeof number);
  std::memcpy(out + 5, text.data(), size);
  (void)!::write(status, out, 5 + size);
}

void give_up(const request& of, std::string_view what) {
  tell(of.status, 'S', errno, what);
  ::_exit(125);
}

void limit_processes(const request& what) {
  if (what.processes == 0) return;
  rlimit now{};
  rlim_t value = what.processes;
  if (::getrlimit(RLIMIT_NPROC, &now) == 0 && now.rlim_max < value) value = now.rlim_max;
  const rlimit both{value, value};
  if (::setrlimit(RLIMIT_NPROC, &both) != 0) give_up(what, "the limit of processes");
}

void drop_capabilities(const request& what) {
  const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                             SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                             SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  // Who may not set these has nothing that no_new_privs does not keep from programs.
  const bool may = ::prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) == 0;
  for (int one = 0; may && ::prctl(PR_CAPBSET_READ, one, 0, 0, 0) >= 0; ++one)
    if (::prctl(PR_CAPBSET_DROP, one, 0, 0, 0) != 0) give_up(what, "dropping capabilities");
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capset, &head, none) != 0) give_up(what, "dropping capabilities");
}

void become_tool(const request& what) {
  if (what.folder != nullptr && ::chdir(what.folder) != 0) give_up(what, "the working folder");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(what, "no_new_privs");
  const variables own_variables(what);
  for (const int own : {what.status, what.filter, what.environment, what.reads})
    if (own >= 0) ::fcntl(own, F_SETFD, FD_CLOEXEC);
  if (what.filter >= 0) install_filter(what);
  ::execve(what.program, what.arguments, own_variables.get());
  tell(what.status, 'X', errno, what.program);
  ::_exit(126);
}

}  // namespace graphite::cell
