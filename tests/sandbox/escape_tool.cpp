// What hostile code tries in a sandbox: `escape_tool WHAT ARGUMENT…` ends with 0 where it got out, with 1
// where it was stopped (and says by what), with 2 where it was used wrongly.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

using arguments = std::vector<std::string>;

int stopped(const char* by) {
  std::fprintf(stderr, "stopped: %s: %s\n", by, std::strerror(errno));
  return 1;
}

int out_where(bool got_out, const char* by) { return got_out ? 0 : stopped(by); }

int read_file(const arguments& a) {
  const int fd = ::open(a[0].c_str(), O_RDONLY);
  char text[256];
  if (fd < 0) return stopped("open");
  return out_where(::read(fd, text, sizeof text) > 0, "read");
}

int look_at(const arguments& a) {
  struct stat state {};
  return out_where(::stat(a[0].c_str(), &state) == 0, "stat");
}

int write_file(const arguments& a) {
  const int fd = ::open(a[0].c_str(), O_WRONLY | O_CREAT, 0644);
  if (fd < 0) return stopped("open");
  return out_where(::write(fd, "x", 1) == 1, "write");
}

int through_symlink(const arguments& a) {
  if (::symlink(a[0].c_str(), "way-out") != 0) return stopped("symlink");
  return read_file({"way-out"});
}

int through_hard_link(const arguments& a) {
  if (::link(a[0].c_str(), "way-out") != 0) return stopped("link");
  return read_file({"way-out"});
}

int connect_to(int domain, const sockaddr* address, socklen_t size) {
  const int fd = ::socket(domain, SOCK_STREAM, 0);
  if (fd < 0) return stopped("socket");
  return out_where(::connect(fd, address, size) == 0, "connect");
}

int connect_loopback(const arguments& a) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(a[0])));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect_to(AF_INET, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

/// A name that begins with @ is an abstract one.
int connect_unix(const arguments& a) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, a[0].data(), a[0].size());
  if (to.sun_path[0] == '@') to.sun_path[0] = 0;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + a[0].size());
  return connect_to(AF_UNIX, reinterpret_cast<const sockaddr*>(&to), size);
}

int trace(const arguments& a) {
  return out_where(::ptrace(PTRACE_SEIZE, std::stoi(a[0]), nullptr, nullptr) == 0, "ptrace");
}

int send_signal(const arguments& a) { return out_where(::kill(std::stoi(a[0]), SIGKILL) == 0, "kill"); }

int signal_all(const arguments&) {
  ::signal(SIGTERM, SIG_IGN);
  (void)::kill(-1, SIGTERM);
  (void)::kill(0, SIGTERM);
  return 0;  // whether it hit anybody is seen outside
}

int keep_rights(const arguments&) {
  // Programs that are started have no more.
  FILE* const status = std::fopen("/proc/self/status", "r");
  char line[256];
  unsigned long long capabilities = 1;
  while (status != nullptr && std::fgets(line, sizeof line, status) != nullptr)
    if (std::sscanf(line, "CapEff: %llx", &capabilities) == 1) break;
  if (capabilities == 0 && ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) return stopped("no rights");
  return 0;
}

int become_another(const arguments&) { return out_where(::setresuid(12345, 12345, 12345) == 0, "setresuid"); }

/// A program of root with the bit set would give root's rights.
int set_user_bit(const arguments&) {
  if (::access("/usr/bin/su", X_OK) != 0) return 2;
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/usr/bin/su", "su", "-s", "/bin/sh", "-c", "true", "nobody", nullptr);
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return out_where(WIFEXITED(status) && WEXITSTATUS(status) == 0, "su");
}

int fork_bomb(const arguments& a) {
  const int most = std::stoi(a[0]);
  int made = 0;
  for (; made < most; ++made) {
    const pid_t child = ::fork();
    if (child < 0) break;
    if (child == 0) {
      for (;;) ::pause();
    }
  }
  std::printf("%d\n", made);
  return out_where(made == most, "fork");
}

int fill_disk(const arguments& a) {
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < std::stoi(a[0]); ++i) {
    const int fd = ::open(("fill" + std::to_string(i)).c_str(), O_WRONLY | O_CREAT, 0644);
    if (fd < 0 || ::write(fd, block.data(), block.size()) < 0) return stopped("write");
    ::close(fd);
  }
  return 0;
}

int fill_shared_memory(const arguments& a) {
  const int fd = ::open("/dev/shm/fill", O_WRONLY | O_CREAT, 0644);
  if (fd < 0) return stopped("open");
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < std::stoi(a[0]); ++i)
    if (::write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size()))
      return stopped("write");
  return 0;
}

void* take_memory(std::size_t bytes) {
  void* const out = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (out == MAP_FAILED) return nullptr;
  std::memset(out, 1, bytes);
  return out;
}

int fill_memory(const arguments& a) {
  return out_where(take_memory(static_cast<std::size_t>(std::stoi(a[0])) << 20) != nullptr, "mmap");
}

int fill_memory_together(const arguments& a) {
  for (int i = 0; i < std::stoi(a[0]); ++i) {
    if (::fork() != 0) continue;
    (void)take_memory(32 << 20);
    for (;;) ::pause();
  }
  while (::wait(nullptr) > 0) {
  }
  return 0;
}

int list_descriptors(const arguments&) {
  int more = 0;
  for (int fd = 3; fd < 1024; ++fd)
    if (::fcntl(fd, F_GETFD) >= 0) ++more;
  errno = EBADF;
  return out_where(more != 0, "descriptors");
}

int attach(const arguments& a) {
  return out_where(::shmat(std::stoi(a[0]), nullptr, SHM_RDONLY) != reinterpret_cast<void*>(-1), "shmat");
}

int call(const arguments& a) {
  const std::map<std::string, std::function<long()>> calls{
      {"mount", [] { return ::syscall(SYS_mount, "tmpfs", ".", "tmpfs", 0, nullptr); }},
      {"umount", [] { return ::syscall(SYS_umount2, "/proc", MNT_DETACH); }},
      {"pivot_root", [] { return ::syscall(SYS_pivot_root, ".", "."); }},
      {"chroot", [] { return ::syscall(SYS_chroot, "."); }},
      {"unshare", [] { return ::syscall(SYS_unshare, CLONE_NEWUSER); }},
      {"clone", [] { return ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0); }},
      {"setns", [] { return ::syscall(SYS_setns, ::open("/proc/self/ns/net", O_RDONLY), 0); }},
      {"keyctl", [] { return ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1); }},
      {"add_key", [] { return ::syscall(SYS_add_key, "user", "a", "b", 1, KEY_SPEC_USER_KEYRING); }},
      {"io_uring", [] { return ::syscall(425, 1, nullptr); }},
      {"bpf", [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }},
      {"perf", [] { return ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }},
      {"module", [] { return ::syscall(SYS_init_module, nullptr, 0, ""); }},
      {"paste", [] { return static_cast<long>(::ioctl(1, TIOCSTI, "x")); }},
      {"paste_high", [] { return ::syscall(SYS_ioctl, 1, 0x1'0000'0000ul | TIOCSTI, "x"); }}};
  const auto found = calls.find(a[0]);
  if (found == calls.end()) return 2;
  // What is asked in vain for another reason was let through.
  if (found->second() >= 0 || (errno != EPERM && errno != ENOSYS)) return 0;
  return stopped(a[0].c_str());
}

/// Leaves the process group and lives on, with the named pipe open.
int live_on(const arguments& a) {
  const pid_t child = ::fork();
  if (child > 0) {
    char byte;
    const int ready = ::open(a[1].c_str(), O_RDONLY);
    return ::read(ready, &byte, 1) == 1 ? 0 : 2;
  }
  ::setsid();
  if (::fork() > 0) ::_exit(0);
  const int kept = ::open(a[0].c_str(), O_WRONLY);
  const int ready = ::open(a[1].c_str(), O_WRONLY);
  (void)!::write(ready, "r", 1);
  ::close(ready);
  for (int fd = 0; fd < 3; ++fd) ::close(fd);
  ::alarm(60);
  if (kept >= 0) ::pause();
  ::_exit(0);
}

int end_by(const arguments& a) {
  ::kill(::getpid(), std::stoi(a[0]));
  return 2;
}

}  // namespace

int main(int count, char** text) {
  const std::map<std::string, std::function<int(const arguments&)>> all{
      {"read", read_file},
      {"stat", look_at},
      {"write", write_file},
      {"symlink", through_symlink},
      {"hard_link", through_hard_link},
      {"loopback", connect_loopback},
      {"unix", connect_unix},
      {"trace", trace},
      {"signal", send_signal},
      {"signal_all", signal_all},
      {"keep_rights", keep_rights},
      {"become_another", become_another},
      {"set_user_bit", set_user_bit},
      {"fork_bomb", fork_bomb},
      {"fill_disk", fill_disk},
      {"fill_shared_memory", fill_shared_memory},
      {"fill_memory", fill_memory},
      {"fill_memory_together", fill_memory_together},
      {"descriptors", list_descriptors},
      {"attach", attach},
      {"call", call},
      {"live_on", live_on},
      {"end_by", end_by}};
  const auto found = count > 1 ? all.find(text[1]) : all.end();
  if (found == all.end()) return 2;
  return found->second(arguments(text + 2, text + count));
}
