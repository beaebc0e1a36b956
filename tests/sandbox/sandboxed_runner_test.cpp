#include "platform/sandbox/sandboxed_runner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/sandbox/sandbox_fixture.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class sandboxed_runner_test : public test::sandbox_test {};

TEST_P(sandboxed_runner_test, a_tool_works_as_without_one) {
  work_.write("a.txt", "hello");
  const auto out =
      run_program({"sh", "-c", "tr a-z A-Z < a.txt > b.txt; echo said; echo complained >&2; pwd; exit 3"});
  EXPECT_EQ(out.exit_code, 3);
  EXPECT_EQ(out.out, "said\n" + work_.path() + "\n");
  EXPECT_EQ(out.err, "complained\n");
  EXPECT_EQ(work_.read("b.txt"), "HELLO");
  EXPECT_EQ(out.sandbox, GetParam());
}

TEST_P(sandboxed_runner_test, a_signal_that_ends_the_tool_is_told) {
  const auto out = run({"end_by", std::to_string(SIGSEGV)});
  if (GetParam() == sandbox_tier::bubblewrap)
    EXPECT_EQ(out.exit_code, 128 + SIGSEGV);
  else
    EXPECT_EQ(out.signal, SIGSEGV);
}

TEST_P(sandboxed_runner_test, its_time_and_memory_are_counted) {
  const auto out = run_program({"sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"});
  EXPECT_GT(out.cpu.count(), 0);
  EXPECT_GT(out.wall.count(), 0);
}

TEST_P(sandboxed_runner_test, a_program_that_is_not_there_is_told_as_ever) {
  const auto out = try_run(spec_of({"no-such-program"}));
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, errc::not_found);
}

TEST_P(sandboxed_runner_test, a_script_without_its_interpreter_is_told) {
  work_.write("script", "#!/no/such/interpreter\n");
  std::filesystem::permissions(work_ / "script", std::filesystem::perms::owner_all);
  const auto out = try_run(spec_of({"./script"}));
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, errc::not_found);
  EXPECT_THAT(out.error().context, HasSubstr("interpreter"));
}

TEST_P(sandboxed_runner_test, what_is_no_program_is_told) {
  work_.write("script", "no first line");
  std::filesystem::permissions(work_ / "script", std::filesystem::perms::owner_all);
  const auto out = try_run(spec_of({"./script"}));
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, errc::invalid_argument);
}

TEST_P(sandboxed_runner_test, a_cancelled_run_ends) {
  cancel_token cancel;
  auto runner = sandboxed_runner::make(processes_, GetParam(), options_);
  ASSERT_TRUE(runner);
  std::thread other([&] {
    test::wait_until([&] { return std::filesystem::exists(work_ / "began"); });
    cancel.cancel();
  });
  const auto out = (*runner)->run(spec_of({"sh", "-c", "> began; sleep 60"}), cancel);
  other.join();
  ASSERT_TRUE(out) << out.error().context;
  EXPECT_TRUE(out->cancelled);
}

TEST_P(sandboxed_runner_test, a_tool_outside_of_the_system_is_shown) {
  outside_.write("kit/bin/tool", "#!/bin/sh\ncat \"$(dirname \"$0\")/../share/data\"\n");
  outside_.write("kit/share/data", "of the kit");
  std::filesystem::permissions(outside_ / "kit/bin/tool", std::filesystem::perms::owner_all);
  EXPECT_EQ(run_program({outside_ / "kit/bin/tool"}).out, "of the kit");
}

TEST_P(sandboxed_runner_test, of_a_tool_in_the_project_nothing_else_is_shown) {
  if (!hides_files(GetParam())) GTEST_SKIP() << "this tier hides nothing";
  outside_.write("project/bin/tool", "#!/bin/sh\ncat \"$(dirname \"$0\")/data\"\n");
  outside_.write("project/bin/data", "a source");
  std::filesystem::permissions(outside_ / "project/bin/tool", std::filesystem::perms::owner_all);
  options_.hidden.projects = {outside_ / "project"};
  const auto out = run_program({outside_ / "project/bin/tool"});
  EXPECT_NE(out.exit_code, 0);
  EXPECT_EQ(out.out, "");
}

TEST_P(sandboxed_runner_test, what_the_project_names_is_shown) {
  outside_.write("sdk/data", "of the sdk");
  options_.readable = {outside_ / "sdk"};
  EXPECT_EQ(run_program({"cat", outside_ / "sdk/data"}).out, "of the sdk");
}

TEST_P(sandboxed_runner_test, a_variable_of_the_rule_does_not_reach_what_makes_the_sandbox) {
  auto spec = spec_of({"sh", "-c", "echo $LD_PRELOAD"});
  spec.environment["LD_PRELOAD"] = work_ / "no.so";
  const auto out = try_run(spec);
  ASSERT_TRUE(out) << out.error().context;
  EXPECT_EQ(out->out, work_ / "no.so\n");
  // The loader complains once for the shell, and not for a program before it.
  EXPECT_EQ(out->err.find("no.so"), out->err.rfind("no.so"));
}

TEST_P(sandboxed_runner_test, tells_what_was_asked_for_and_not_shown) {
  if (!hides_files(GetParam())) GTEST_SKIP() << "this tier hides nothing";
  outside_.write("header.h", "a header");
  const auto asked = [&](bool tells) {
    auto spec = spec_of({"sh", "-c", "cat " + outside_ / "header.h" + " beside.h; exit 1"});
    spec.tells_reads = tells;
    return try_run(spec);
  };
  const auto out = asked(true);
  ASSERT_TRUE(out) << out.error().context;
  EXPECT_EQ(out->exit_code, 1);
  EXPECT_THAT(out->reads, Contains(outside_ / "header.h"));
  EXPECT_THAT(out->reads, Contains(work_ / "beside.h"));
  EXPECT_TRUE(asked(false)->reads.empty());
}

INSTANTIATE_TEST_SUITE_P(every_tier, sandboxed_runner_test,
                         testing::Values(sandbox_tier::namespaces, sandbox_tier::bubblewrap,
                                         sandbox_tier::landlock, sandbox_tier::limits),
                         [](const auto& info) { return std::string(to_string(info.param)); });

}  // namespace
}  // namespace graphite
