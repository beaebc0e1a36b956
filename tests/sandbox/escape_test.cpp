#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <cstdio>

#include "platform/linux/owned_fd.hpp"
#include "platform/sandbox/landlock_abi.hpp"
#include "tests/sandbox/sandbox_fixture.hpp"

namespace graphite {
namespace {

using testing::HasSubstr;
using tier = sandbox_tier;

int landlock_abi() {
  return static_cast<int>(::syscall(SYS_landlock_create_ruleset, nullptr, 0, landlock::version_flag));
}

bool kernel_at_least(int major, int minor) {
  utsname name{};
  int has_major = 0, has_minor = 0;
  if (::uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &has_major, &has_minor) != 2) return false;
  return std::pair(has_major, has_minor) >= std::pair(major, minor);
}

/// Each way out, in each tier that claims to stop it (docs/sandbox.md has the same table).
class escape_test : public test::sandbox_test {
 protected:
  /// What the tool got: 0 out, 1 stopped.
  void expect_stopped(const std::vector<std::string>& what, const std::string& by = {}) {
    const auto out = run(what);
    EXPECT_EQ(out.exit_code, 1) << what.front() << " got out, or could not try: " << out.err;
    EXPECT_THAT(out.err, HasSubstr(by));
  }
  /// Skips where the tier claims nothing.
  bool hides() const { return hides_files(GetParam()); }
};

#define ONLY_WHERE(claim) \
  if (!(claim)) GTEST_SKIP() << "the tier " << to_string(GetParam()) << " does not claim to stop it"

TEST_P(escape_test, nothing_outside_can_be_read) {
  ONLY_WHERE(hides());
  outside_.write("secret", "secret");
  expect_stopped({"read", outside_ / "secret"});
  expect_stopped({"symlink", outside_ / "secret"});
  expect_stopped({"hard_link", outside_ / "secret"});
  expect_stopped({"read", "/etc/shadow"});
  expect_stopped({"read", "../../../../../../../../etc/shadow"});
}

TEST_P(escape_test, that_something_is_there_is_not_seen) {
  ONLY_WHERE(has_namespaces(GetParam()));
  outside_.write("secret", "secret");
  expect_stopped({"stat", outside_ / "secret"});
  expect_stopped({"stat", outside_.path()});
  expect_stopped({"stat", "/root"});
  expect_stopped({"read", "/proc/" + std::to_string(::getpid()) + "/cmdline"});
}

TEST_P(escape_test, nothing_outside_can_be_written) {
  ONLY_WHERE(hides());
  outside_.write("kept", "as it was");
  for (const auto& path : {outside_ / "kept", outside_ / "new", std::string("/usr/new"),
                           std::string("/etc/new"), std::string("/new"),
                           std::string("/proc/sys/kernel/core_pattern"), std::string("/proc/sysrq-trigger")})
    expect_stopped({"write", path});
  EXPECT_EQ(outside_.read("kept"), "as it was");
  EXPECT_FALSE(std::filesystem::exists(outside_ / "new"));
}

TEST_P(escape_test, its_own_folders_can_be_written) {
  EXPECT_EQ(run({"write", "made"}).exit_code, 0);
  EXPECT_EQ(run({"write", temporary_.path() + "/made"}).exit_code, 0);
  EXPECT_EQ(run({"write", "/dev/null"}).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(work_ / "made"));
}

TEST_P(escape_test, its_tmp_is_its_own) {
  ONLY_WHERE(has_namespaces(GetParam()));
  const auto name = "/tmp/graphite-sandbox-test-" + std::to_string(::getpid());
  EXPECT_EQ(run({"write", name}).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(name));
}

TEST_P(escape_test, an_input_cannot_be_written) {
  ONLY_WHERE(has_namespaces(GetParam()));
  work_.write("sources/a.txt", "as it was");
  inputs_ = {{"sources/a.txt", {}}};
  expect_stopped({"write", "sources/a.txt"}, "Read-only file system");
  EXPECT_EQ(work_.read("sources/a.txt"), "as it was");
}

TEST_P(escape_test, there_is_no_network) {
  ONLY_WHERE(hides());
  const owned_fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof here;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&here), size), 0);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&here), &size), 0);
  expect_stopped({"loopback", std::to_string(ntohs(here.sin_port))});
}

TEST_P(escape_test, no_unix_socket_of_the_machine_is_reached) {
  ONLY_WHERE(hides());
  for (const auto& name : {"@graphite-escape-" + std::to_string(::getpid()), outside_ / "socket"}) {
    const owned_fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un here{};
    here.sun_family = AF_UNIX;
    std::memcpy(here.sun_path, name.data(), name.size());
    if (name.front() == '@') here.sun_path[0] = 0;
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&here), size), 0);
    ASSERT_EQ(::listen(listener.get(), 4), 0);
    expect_stopped({"unix", name});
  }
}

TEST_P(escape_test, the_parent_shows_nothing_of_itself) {
  ONLY_WHERE(hides());
  for (const auto* file : {"mem", "environ", "root/etc/shadow", "cwd/../etc/shadow", "maps"})
    expect_stopped({"read", "/proc/" + std::to_string(::getpid()) + "/" + file});
  if (has_namespaces(GetParam())) expect_stopped({"read", "/proc/1/environ"});
}

TEST_P(escape_test, the_parent_cannot_be_traced) {
  ONLY_WHERE(hides());
  expect_stopped({"trace", std::to_string(::getpid())});
  if (has_namespaces(GetParam())) expect_stopped({"trace", "1"});
}

TEST_P(escape_test, signals_stay_inside) {
  ONLY_WHERE(has_namespaces(GetParam()) || (hides() && landlock_abi() >= landlock::abi_of_scopes));
  const pid_t victim = ::fork();
  if (victim == 0) {
    ::setpgid(0, 0);
    for (;;) ::pause();
  }
  expect_stopped({"signal", std::to_string(victim)});
  expect_stopped({"signal", std::to_string(-victim)});
  expect_stopped({"signal", std::to_string(::getpid())});
  if (has_namespaces(GetParam())) {
    EXPECT_EQ(run({"signal_all"}).exit_code, 0);
  }
  EXPECT_EQ(::waitpid(victim, nullptr, WNOHANG), 0) << "it was hit";
  ::kill(victim, SIGKILL);
  ::waitpid(victim, nullptr, 0);
}

TEST_P(escape_test, it_has_no_rights_and_gains_none) {
  ONLY_WHERE(hides());
  expect_stopped({"keep_rights"});
  expect_stopped({"become_another"});
  expect_stopped({"set_user_bit"});
}

TEST_P(escape_test, it_has_no_descriptor_of_the_parent) {
  outside_.write("open", "secret");
  const owned_fd kept(::open((outside_ / "open").c_str(), O_RDONLY));  // not closed on exec
  expect_stopped({"descriptors"});
}

TEST_P(escape_test, namespaces_keys_and_terminals_are_denied) {
  ONLY_WHERE(hides());
  for (const auto* call : {"mount", "umount", "pivot_root", "chroot", "unshare", "clone", "setns", "keyctl",
                           "add_key", "io_uring", "bpf", "perf", "module", "paste", "paste_high"})
    expect_stopped({"call", call}, call);
}

TEST_P(escape_test, shared_memory_of_the_user_is_not_reached) {
  ONLY_WHERE(has_namespaces(GetParam()));
  const int segment = ::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  ASSERT_GE(segment, 0);
  expect_stopped({"attach", std::to_string(segment)}, "shmat");
  ::shmctl(segment, IPC_RMID, nullptr);
}

TEST_P(escape_test, a_fork_bomb_ends) {
  // Root's processes are counted by nobody but a namespace, since Linux 6.14.
  const bool counted = ::geteuid() != 0 || (GetParam() == tier::namespaces && kernel_at_least(6, 14));
  ONLY_WHERE(counted);
  options_.limits.processes_max = options_.limits.user_processes_more_max = 320;
  expect_stopped({"fork_bomb", "3000"}, "fork");
}

TEST_P(escape_test, what_leaves_its_group_ends_with_it) {
  ONLY_WHERE(has_namespaces(GetParam()));
  ASSERT_EQ(::mkfifo((work_ / "kept").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((work_ / "ready").c_str(), 0600), 0);
  const owned_fd reader(::open((work_ / "kept").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_EQ(run({"live_on", "kept", "ready"}).exit_code, 0);
  pollfd end{reader.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, 10'000), 1);
  EXPECT_NE(end.revents & POLLHUP, 0) << "something of it lives";
}

TEST_P(escape_test, what_runs_too_long_is_gone_with_all_it_started) {
  ONLY_WHERE(has_namespaces(GetParam()));
  timeout_ = milliseconds(200);
  work_.write("sleep.sh", "#!/bin/sh\nexec 3> kept\nsetsid sleep 60 &\nsleep 60\n");
  std::filesystem::permissions(work_ / "sleep.sh", std::filesystem::perms::owner_all);
  ASSERT_EQ(::mkfifo((work_ / "kept").c_str(), 0600), 0);
  const owned_fd reader(::open((work_ / "kept").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  EXPECT_TRUE(run_program({"./sleep.sh"}).timed_out);
  pollfd end{reader.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, 10'000), 1);
}

TEST_P(escape_test, the_disk_is_not_filled) {
  options_.limits.disk_bytes_max = 8 * MiB;
  options_.limits.look_every = milliseconds(10);
  const auto out = run({"fill_disk", "2000"});
  EXPECT_THAT(out.over_limit, HasSubstr("8 MiB of files")) << out.exit_code << out.err;
}

TEST_P(escape_test, memory_is_not_filled_by_one_process) {
  memory_bytes_max_ = 64 * MiB;
  expect_stopped({"fill_memory", "512"}, "mmap");
}

TEST_P(escape_test, memory_is_not_filled_by_many_processes) {
  options_.limits.memory_bytes_max = 128 * MiB;
  options_.limits.look_every = milliseconds(20);
  const auto out = run({"fill_memory_together", "8"});
  EXPECT_THAT(out.over_limit, HasSubstr("128 MiB of memory")) << out.exit_code << out.err;
}

TEST_P(escape_test, shared_memory_is_not_filled) {
  ONLY_WHERE(GetParam() == tier::namespaces);
  options_.limits.shared_memory_bytes_max = 4 * MiB;
  expect_stopped({"fill_shared_memory", "64"}, "write");
}

INSTANTIATE_TEST_SUITE_P(every_tier, escape_test,
                         testing::Values(tier::namespaces, tier::bubblewrap, tier::landlock, tier::limits),
                         [](const auto& info) { return std::string(to_string(info.param)); });

}  // namespace
}  // namespace graphite
