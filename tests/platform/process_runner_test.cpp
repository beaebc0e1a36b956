#include "platform/linux/process_runner.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "core/cancel_token.hpp"
#include "platform/linux/process_group.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

using test::wait_until;
using testing::HasSubstr;

std::size_t entries(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

std::string read_line(const std::string& path) {
  std::string out;
  std::getline(std::ifstream(path) >> std::ws, out);
  return out;
}

/// No process of the group runs; those that are dead and not yet reaped do not count.
bool group_is_gone(pid_t group) { return !group_has_living(group); }

class process_runner_test : public testing::Test {
 protected:
  process_spec spec(std::vector<std::string> argv) const {
    process_spec out;
    out.argv = std::move(argv);
    out.environment = {{"PATH", "/usr/bin:/bin"}, {"COLOUR", "red"}};
    out.working_folder = folder_.path();
    out.nice = 0;
    return out;
  }
  process_spec script(const std::string& text) const { return spec({"sh", "-c", text}); }
  process_outcome run(const process_spec& what) {
    auto out = runner_.run(what, cancel_token());
    if (!out) ADD_FAILURE() << out.error().context;
    return out.value_or(process_outcome{});
  }

  test::temporary_folder folder_;
  linux_process_runner runner_;
};

TEST_F(process_runner_test, reports_exit_code_and_both_streams) {
  const auto out = run(script("echo hello; echo oops >&2; exit 3"));
  EXPECT_EQ(out.exit_code, 3);
  EXPECT_EQ(out.signal, 0);
  EXPECT_EQ(out.out, "hello\n");
  EXPECT_EQ(out.err, "oops\n");
  EXPECT_GT(out.wall.count(), 0);
}

TEST_F(process_runner_test, reports_the_signal) {
  const auto out = run(script("kill -SEGV $$"));
  EXPECT_EQ(out.exit_code, -1);
  EXPECT_EQ(out.signal, SIGSEGV);
}

TEST_F(process_runner_test, gives_exactly_the_environment_and_folder) {
  EXPECT_EQ(run(spec({"env"})).out, "COLOUR=red\nPATH=/usr/bin:/bin\n");
  EXPECT_EQ(run(spec({"pwd", "-P"})).out, std::filesystem::canonical(folder_.path()).string() + "\n");
}

TEST_F(process_runner_test, child_has_no_input_no_foreign_descriptors_and_no_core) {
  const int leak = ::open("/dev/null", O_RDONLY);  // deliberately not close-on-exec
  const auto out = run(script("cat; ls /proc/$$/fd; ulimit -c"));
  ::close(leak);
  EXPECT_EQ(out.out, "0\n1\n2\n0\n");
}

TEST_F(process_runner_test, child_has_default_signals_and_an_empty_mask) {
  ::signal(SIGPIPE, SIG_IGN);
  const auto out = run(spec({"grep", "-E", "^(SigIgn|SigBlk)", "/proc/self/status"}));
  ::signal(SIGPIPE, SIG_DFL);
  EXPECT_EQ(out.out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_F(process_runner_test, child_runs_niced) {
  auto what = spec({"nice"});
  what.nice = 7;
  EXPECT_EQ(run(what).out, std::to_string(7 + ::nice(0)) + "\n");
}

TEST_F(process_runner_test, keeps_the_tail_of_endless_output) {
  auto what = script("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo done >&2");
  what.output_bytes_max = 1000;
  const auto out = run(what);
  EXPECT_EQ(out.out.size(), 1000u);
  EXPECT_THAT(out.out, testing::EndsWith("line 19999\n"));
  EXPECT_EQ(out.err, "done\n");
}

TEST_F(process_runner_test, timeout_kills_the_group_with_its_grandchildren) {
  auto what = script("sleep 1000 & echo $$; sleep 1000");
  what.timeout = milliseconds(100);
  const auto out = run(what);
  EXPECT_TRUE(out.timed_out);
  EXPECT_EQ(out.signal, SIGKILL);
  ASSERT_FALSE(out.out.empty());
  EXPECT_TRUE(group_is_gone(std::stoi(out.out)));
}

TEST_F(process_runner_test, grandchildren_do_not_outlive_a_leader_that_ends) {
  const auto out = run(script("sleep 1000 & echo $$"));
  EXPECT_EQ(out.exit_code, 0);
  EXPECT_FALSE(out.timed_out);
  EXPECT_TRUE(group_is_gone(std::stoi(out.out)));
}

TEST_F(process_runner_test, a_tool_that_ignores_polite_signals_is_killed) {
  auto what = script("trap '' TERM INT HUP; while :; do sleep 0.01; done");
  what.timeout = milliseconds(50);
  EXPECT_TRUE(run(what).timed_out);
}

TEST_F(process_runner_test, cancel_from_another_thread_ends_it) {
  cancel_token token;
  std::thread canceller([&] {
    EXPECT_TRUE(wait_until([&] { return std::filesystem::exists(folder_ / "started"); }));
    token.cancel();
  });
  const auto out = runner_.run(script("echo > started; sleep 1000"), token);
  canceller.join();
  ASSERT_TRUE(out);
  EXPECT_TRUE(out->cancelled);
  EXPECT_TRUE(runner_.run(script("echo > never"), token)->cancelled);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "never"));
}

TEST_F(process_runner_test, memory_limit_fails_the_allocation) {
  auto what = spec({"dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"});
  EXPECT_EQ(run(what).exit_code, 0);
  what.memory_bytes_max = 50 * MiB;
  const auto out = run(what);
  EXPECT_NE(out.exit_code, 0);
  EXPECT_THAT(out.err, HasSubstr("memory"));
}

TEST_F(process_runner_test, names_the_missing_program_and_where_it_was_looked_for) {
  const auto out = runner_.run(spec({"no-such-program"}), cancel_token());
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, errc::not_found);
  EXPECT_THAT(out.error().context, HasSubstr("'no-such-program'"));
  EXPECT_THAT(out.error().context, HasSubstr("/usr/bin:/bin"));
}

TEST_F(process_runner_test, says_why_a_script_cannot_run) {
  std::ofstream(folder_ / "plain") << "echo hi\n";
  std::ofstream(folder_ / "lost") << "#!/no/such/interpreter\n";
  for (const auto* name : {"plain", "lost"}) ::chmod((folder_ / name).c_str(), 0755);
  EXPECT_THAT(runner_.run(spec({"./plain"}), cancel_token()).error().context, HasSubstr("#!/bin/sh"));
  EXPECT_THAT(runner_.run(spec({"./lost"}), cancel_token()).error().context, HasSubstr("interpreter"));
  auto nowhere = spec({"true"});
  nowhere.working_folder = folder_ / "absent";
  EXPECT_THAT(runner_.run(nowhere, cancel_token()).error().context, HasSubstr("chdir"));
}

TEST_F(process_runner_test, refuses_impossible_specs) {
  EXPECT_FALSE(runner_.run(spec({}), cancel_token()));
  EXPECT_FALSE(runner_.run(spec({"echo", std::string("a\0b", 3)}), cancel_token()));
  auto what = spec({"true"});
  what.environment["A=B"] = "";
  EXPECT_FALSE(runner_.run(what, cancel_token()));
}

TEST_F(process_runner_test, refuses_more_processes_than_its_bound) {
  linux_process_runner none({.running_max = 0});
  EXPECT_EQ(none.run(spec({"true"}), cancel_token()).error().code, errc::busy);
}

TEST_F(process_runner_test, a_thousand_quick_processes_leak_nothing) {
  run(spec({"true"}));
  const auto before = entries("/proc/self/fd");
  const auto some = [&] {
    for (int i = 0; i < 500; ++i) EXPECT_EQ(run(spec({"true"})).exit_code, 0);
  };
  std::thread other(some);
  some();
  other.join();
  EXPECT_EQ(entries("/proc/self/fd"), before);
  siginfo_t zombie{};  // the warden lives and is no zombie
  EXPECT_EQ(::waitid(P_ALL, 0, &zombie, WEXITED | WNOHANG | WNOWAIT), 0);
  EXPECT_EQ(zombie.si_pid, 0);
}

TEST_F(process_runner_test, nothing_survives_kill_nine_of_the_parent) {
  const pid_t parent = ::fork();
  if (parent == 0) {
    linux_process_runner doomed;
    (void)doomed.run(script("sleep 1000 & echo $$ > part; mv part group; sleep 1000"), cancel_token());
    ::_exit(0);
  }
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(folder_ / "group"); }));
  const pid_t group = std::stoi(read_line(folder_ / "group"));
  EXPECT_EQ(::kill(-group, 0), 0);
  ::kill(parent, SIGKILL);
  EXPECT_TRUE(wait_until([&] { return group_is_gone(group); }));
  ::waitpid(parent, nullptr, 0);
}

}  // namespace
}  // namespace graphite
