#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "platform/sandbox/cell/cell.hpp"

namespace graphite::cell {

namespace {

constexpr unsigned long all_namespaces =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
/// Where the new root is put together; any folder that every machine has.
constexpr const char* new_root = "/tmp";
constexpr std::size_t path_bytes_max = 4096;
/// A number of processes below this is refused by the kernel (RESERVED_PIDS).
constexpr std::uint64_t process_numbers_min = 301;

void write_text(const request& what, const char* path, const char* text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  const auto size = static_cast<ssize_t>(std::strlen(text));
  if (fd < 0 || ::write(fd, text, static_cast<std::size_t>(size)) != size) give_up(what, path);
  ::close(fd);
}

/// Inside everybody has the number that he has outside, and nobody else has one.
void map_user(const request& what, uid_t user, gid_t group) {
  char line[64];
  write_text(what, "/proc/self/setgroups", "deny");
  ::snprintf(line, sizeof line, "%u %u 1\n", user, user);
  write_text(what, "/proc/self/uid_map", line);
  ::snprintf(line, sizeof line, "%u %u 1\n", group, group);
  write_text(what, "/proc/self/gid_map", line);
}

/// A path of the view below the new root.
struct placed {
  char text[path_bytes_max];
  placed(const request& what, const char* path) {
    const int size = ::snprintf(text, sizeof text, "%s%s", new_root, path);
    if (size < 0 || static_cast<std::size_t>(size) >= sizeof text) {
      errno = ENAMETOOLONG;
      give_up(what, path);
    }
  }
};

/// Makes the folders above `path`; only those that are missing.
void make_parents(placed& path) {
  for (char* at = path.text + std::strlen(new_root) + 1; (at = std::strchr(at, '/')) != nullptr; ++at) {
    *at = 0;
    ::mkdir(path.text, 0755);
    *at = '/';
  }
}

/// The file or folder that a mount lies on. What lies on something that is mounted already is there.
void make_place(const request& what, const part& one, bool is_folder, placed& to) {
  make_parents(to);
  if (is_folder) {
    if (::mkdir(to.text, 0755) == 0 || errno == EEXIST || errno == EROFS) return;
  } else {
    const int fd = ::open(to.text, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd >= 0) ::close(fd);
    if (fd >= 0 || errno == EROFS || errno == EACCES) return;
  }
  give_up(what, one.to);
}

/// Sets and then clears attributes; of all mounts below, too, where `whole`.
void change_mount(const request& what, const char* path, std::uint64_t set, std::uint64_t clear, bool whole) {
  const mount_attr wanted{set, clear, 0, 0};
  if (::syscall(SYS_mount_setattr, AT_FDCWD, path, whole ? AT_RECURSIVE : 0, &wanted, sizeof wanted) != 0)
    give_up(what, path);
}

void bind(const request& what, const part& one, int source, placed& to, bool restricts) {
  struct stat state {};
  if (::fstat(source, &state) != 0) give_up(what, one.from);
  make_place(what, one, S_ISDIR(state.st_mode), to);
  char from[64];
  ::snprintf(from, sizeof from, "/proc/self/fd/%d", source);
  if (::mount(from, to.text, nullptr, MS_BIND | MS_REC, nullptr) != 0) give_up(what, one.from);
  std::uint64_t attributes = MOUNT_ATTR_NOSUID;
  if (one.what == part::kind::read) attributes |= MOUNT_ATTR_RDONLY;
  if (one.what != part::kind::device) attributes |= MOUNT_ATTR_NODEV;
  if (restricts) change_mount(what, to.text, attributes, 0, true);
}

/// The parts that come first and are all read-only: what they are allowed is said once, for all of them.
std::size_t first_reads(const request& what) {
  std::size_t out = 0;
  while (out < what.parts.size() &&
         (what.parts[out].what == part::kind::read || what.parts[out].what == part::kind::link))
    ++out;
  return out;
}

void restrict_first_reads(const request& what) {
  change_mount(what, new_root, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, true);
  change_mount(what, new_root, 0, MOUNT_ATTR_RDONLY, false);  // until all is in place
}

void mount_memory(const request& what, placed& to) {
  char options[64];
  ::snprintf(options, sizeof options, "mode=1777,size=%s,nr_inodes=64k",
             what.memory_bytes == nullptr ? "64m" : what.memory_bytes);
  make_parents(to);
  ::mkdir(to.text, 0755);
  if (::mount("tmpfs", to.text, "tmpfs", MS_NOSUID | MS_NODEV, options) != 0) give_up(what, to.text);
}

/// Kernels before 6.14 have one such number for all namespaces, and refuse.
void limit_numbers(const request& what, const char* processes) {
  if (what.processes == 0) return;
  char path[path_bytes_max + 32], text[32];
  ::snprintf(path, sizeof path, "%s/sys/kernel/pid_max", processes);
  const auto most = what.processes < process_numbers_min ? process_numbers_min : what.processes;
  ::snprintf(text, sizeof text, "%llu\n", static_cast<unsigned long long>(most));
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  (void)!::write(fd, text, std::strlen(text));
  ::close(fd);
}

void mount_processes(const request& what, placed& to) {
  make_parents(to);
  ::mkdir(to.text, 0755);
  const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (::mount("proc", to.text, "proc", flags, nullptr) != 0) give_up(what, "mounting /proc");
  limit_numbers(what, to.text);
  // A process of root would be let write the machine's settings.
  if (::mount(nullptr, to.text, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, nullptr) != 0)
    give_up(what, "/proc read-only");
}

void make(const request& what, const part& one, int source, bool restricts) {
  placed to(what, one.to);
  switch (one.what) {
    case part::kind::read:
    case part::kind::write:
    case part::kind::device:
      return bind(what, one, source, to, restricts);
    case part::kind::memory:
      return mount_memory(what, to);
    case part::kind::folder:
      make_parents(to);
      if (::mkdir(to.text, 0755) != 0 && errno != EEXIST) give_up(what, one.to);
      return;
    case part::kind::link:
      make_parents(to);
      if (::symlink(one.from, to.text) != 0) give_up(what, one.to);
      return;
    case part::kind::processes:
      return mount_processes(what, to);
  }
}

bool has_source(const part& one) {
  return one.what == part::kind::read || one.what == part::kind::write || one.what == part::kind::device;
}

/// Sources are opened first: the new root may hide them.
std::vector<int> open_sources(const request& what) {
  std::vector<int> out;
  out.reserve(what.parts.size());
  for (const auto& one : what.parts) {
    out.push_back(has_source(one) ? ::open(one.from, O_PATH | O_CLOEXEC) : -1);
    if (has_source(one) && out.back() < 0) give_up(what, one.from);
  }
  return out;
}

void mount_view(const request& what) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) give_up(what, "the mounts");
  const auto sources = open_sources(what);
  if (::mount("tmpfs", new_root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m") != 0)
    give_up(what, "the new root");
  const auto reads = first_reads(what);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (i == reads) restrict_first_reads(what);
    make(what, what.parts[i], sources[i], i >= reads);
    if (sources[i] >= 0) ::close(sources[i]);
  }
  if (reads == sources.size()) restrict_first_reads(what);
  if (::chdir(new_root) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0) give_up(what, "pivot_root");
  if (::umount2(".", MNT_DETACH) != 0) give_up(what, "the old root");
  const unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
  if (::mount(nullptr, "/", nullptr, flags, nullptr) != 0) give_up(what, "the root read-only");
  if (::chdir("/") != 0) give_up(what, "the root");
}

/// Waits for the tool, and for whatever else ends here.
int wait_for(pid_t tool) {
  int status = 0;
  while (true) {
    const pid_t ended = ::waitpid(-1, &status, 0);
    if (ended == tool) return status;
    if (ended < 0 && errno != EINTR) return 125 << 8;
  }
}

struct channel {
  int reader = -1, writer = -1;
};

[[noreturn]] void first_process(const request& what, channel out, channel alive, uid_t user, gid_t group) {
  ::close(out.reader);
  ::close(alive.writer);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd parent{alive.reader, 0, 0};
  if (::poll(&parent, 1, 0) != 0) ::_exit(125);  // it died before
  ::close(alive.reader);
  map_user(what, user, group);
  (void)!::sethostname("sandbox", 7);
  mount_view(what);
  const int status = run_as_first(what);
  (void)!::write(out.writer, &status, sizeof status);
  ::_exit(0);
}

/// Ends this process as the tool ended.
[[noreturn]] void end_as(int status) {
  if (!WIFSIGNALED(status)) ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 125);
  const int number = WTERMSIG(status);
  ::signal(number, SIG_DFL);
  ::kill(::getpid(), number);
  ::_exit(128 + number);
}

}  // namespace

int run_as_first(const request& what) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setsid();
  limit_processes(what);
  drop_capabilities(what);
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) give_up(what, "hiding the first process");
  const pid_t tool = ::vfork();  // until it has become the tool this process only waits for it
  if (tool < 0) give_up(what, "fork");
  if (tool == 0) become_tool(what);
  for (const int own : {what.status, what.filter, what.environment, what.reads})
    if (own >= 0) ::close(own);
  return wait_for(tool);
}

void run_in_namespaces(const request& what) {
  int out[2], alive[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(alive, O_CLOEXEC) != 0) give_up(what, "a pipe");
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  const long child = ::syscall(SYS_clone, all_namespaces | SIGCHLD, nullptr, nullptr, nullptr, 0ul);
  if (child < 0) give_up(what, "namespaces");
  if (child == 0) first_process(what, {out[0], out[1]}, {alive[0], alive[1]}, user, group);
  tell(what.status, 'P', static_cast<int>(child), {});
  ::close(out[1]);
  ::close(1);
  ::close(2);
  int status = 125 << 8, how = 0;
  const bool told = ::read(out[0], &status, sizeof status) == sizeof status;
  while (::waitpid(static_cast<pid_t>(child), &how, 0) < 0 && errno == EINTR) {
  }
  end_as(told ? status : how);
}

}  // namespace graphite::cell
