#include "cli/session_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <thread>

#include "platform/linux/cpu_set.hpp"
#include "tests/numa/child.hpp"
#include "tests/numa/denied_calls.hpp"
#include "tests/support/recording_log.hpp"

namespace graphite {
namespace {

TEST(session_machine, bound_threads_are_told_as_bound) {
  test::recording_log log(log_level::warning);
  const auto machine = session_machine::open({.pin = pin_mode::always}, log);
  ASSERT_TRUE(machine) << machine.error().context;
  EXPECT_TRUE((*machine)->affinity().pinned);
  const auto status = (*machine)->status();
  EXPECT_TRUE(status.pinned) << status.pin_reason;
  EXPECT_EQ(status.pin_reason, "bound, as asked");
  EXPECT_FALSE(log.contains("bound"));
}

TEST(session_machine, refusals_of_others_are_in_its_status_and_logged_once) {
  test::recording_log log;
  const auto machine = session_machine::open({.pin = pin_mode::always}, log);
  ASSERT_TRUE(machine) << machine.error().context;
  const auto tell = (*machine)->on_unbound();
  tell({errc::io, "the first"});
  tell({errc::io, "the second"});
  const auto status = (*machine)->status();
  EXPECT_FALSE(status.pinned);
  EXPECT_EQ(status.pin_reason, "not everything is bound to its processors: the first");
  EXPECT_TRUE(log.contains("the first"));
  EXPECT_FALSE(log.contains("the second"));
}

TEST(session_machine, threads_that_may_not_be_bound_are_not_told_as_bound) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the thread sanitizer lets no child of a process with threads start some";
#endif
  EXPECT_EQ(
      test::in_child([]() -> std::string {
        if (!test::deny_calls({SYS_sched_setaffinity}, EPERM)) return "no filter";
        test::recording_log log;
        const auto machine = session_machine::open({.pin = pin_mode::always}, log);
        if (!machine) return machine.error().context;
        std::thread((*machine)->thread_start()).join();
        const auto status = (*machine)->status();
        return std::string(status.pinned ? "pinned" : "not pinned") +
               ((*machine)->affinity().pinned ? ", planned" : "") +
               (log.contains(status.pin_reason) ? ", logged: " : ": ") + status.pin_reason;
      }),
      "not pinned, logged: not everything is bound to its processors: cannot bind a thread to processors: "
      "Operation not permitted");
}

}  // namespace
}  // namespace graphite
