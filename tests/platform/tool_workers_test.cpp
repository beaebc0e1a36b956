#include "platform/linux/tool_workers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <thread>

#include "core/cancel_token.hpp"
#include "platform/linux/process_runner.hpp"
#include "platform/linux/tool_process.hpp"
#include "schemas/codec/tool_messages.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

class tool_workers_test : public testing::Test {
 protected:
  process_spec spec_for(const std::string& what) const {
    process_spec spec;
    spec.worker = {GRAPHITE_TEST_TOOL};
    spec.argv = {what};
    spec.working_folder = folder_.path();
    spec.temporary_folder = "/tmp/t";
    spec.timeout = seconds(30);
    spec.nice = 0;
    return spec;
  }
  process_outcome run(const std::string& what) { return run(spec_for(what)); }
  process_outcome run(const process_spec& spec) {
    const auto ran = workers_.run(spec, cancel_);
    EXPECT_TRUE(ran) << ran.error().context;
    return ran ? *ran : process_outcome{};
  }

  test::temporary_folder folder_;
  linux_process_runner others_;
  cancel_token cancel_;
  tool_workers workers_{
      others_, {.encode = [](const tool_work& work) { return encode(work); }, .decode = decode_tool_answer}};
};

TEST_F(tool_workers_test, a_tool_stays_between_its_works) {
  EXPECT_EQ(run("count").out, "1");
  const auto second = run("count");
  EXPECT_EQ(second.out, "2");
  EXPECT_EQ(second.exit_code, 0);
}

TEST_F(tool_workers_test, it_is_told_what_it_works_on) {
  auto spec = spec_for("inputs");
  spec.inputs = {{"a.txt", {digest{}, 5}}, {"b/c.txt", {digest{}, 7}}};
  EXPECT_EQ(run(spec).out, "a.txt 5\nb/c.txt 7\n");
  EXPECT_EQ(run("folders").out, folder_.path() + " /tmp/t");
}

TEST_F(tool_workers_test, a_failure_is_its_exit_code_and_text_and_the_tool_stays) {
  const auto failed = run("fail");
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_EQ(failed.out, "no good");
  EXPECT_EQ(run("count").out, "2");
}

TEST_F(tool_workers_test, what_it_prints_on_standard_error_comes_with_the_work) {
  const auto failed = run("complain");
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_EQ(failed.err, "a complaint\n");
  EXPECT_EQ(run("fail").err, "");
}

TEST_F(tool_workers_test, what_is_no_answer_fails_the_work_and_ends_the_tool) {
  for (const auto* what : {"other id", "print", "huge"}) {
    const auto failed = run(what);
    EXPECT_NE(failed.exit_code, 0) << what;
    EXPECT_THAT(failed.err, testing::HasSubstr("something else than an answer")) << what;
    EXPECT_EQ(run("count").out, "1") << what;
  }
}

TEST_F(tool_workers_test, a_tool_that_ends_without_an_answer_has_failed) {
  EXPECT_EQ(run("crash").signal, SIGABRT);
  const auto left = run("exit");
  EXPECT_TRUE(left.unanswered) << "whatever it says";
  EXPECT_EQ(left.exit_code, 0);
  EXPECT_EQ(run("count").out, "1");
}

TEST_F(tool_workers_test, a_tool_that_ends_after_its_answer_is_started_again) {
  const auto left = std::stoi(run("pid").out);
  EXPECT_EQ(run("leave").exit_code, 0);
  EXPECT_TRUE(test::wait_until([&] { return std::stoi(run("pid").out) != left; }));
}

TEST_F(tool_workers_test, one_that_went_before_it_read_its_work_is_started_again) {
  EXPECT_EQ(run("leave when called").exit_code, 0);
  const auto again = run("count");
  EXPECT_EQ(again.out, "1");
  EXPECT_EQ(again.exit_code, 0);
}

TEST_F(tool_workers_test, one_that_ends_well_in_the_middle_is_our_side_s_failure_the_first_time) {
  EXPECT_EQ(run("count").out, "1");
  const auto ran = workers_.run(spec_for("exit"), cancel_);
  ASSERT_FALSE(ran) << "its folder may hold half of the work";
  EXPECT_EQ(ran.error().code, errc::unavailable);
  EXPECT_TRUE(run("exit").unanswered) << "one that has done nothing else";
}

TEST_F(tool_workers_test, after_one_ended_well_in_the_middle_no_other_at_rest_is_asked) {
  std::latch done(2);  // a tool ends with the thread that started it
  std::thread other([&] {
    EXPECT_EQ(run("wait").exit_code, 0);
    std::ofstream(folder_ / "waited");
    done.arrive_and_wait();
  });
  EXPECT_TRUE(test::wait_until([&] { return std::ifstream(folder_ / "waits").good(); }));
  EXPECT_EQ(run("count").out, "1");
  std::ofstream(folder_ / "go");
  EXPECT_TRUE(test::wait_until([&] { return std::ifstream(folder_ / "waited").good(); }));
  const auto ran = workers_.run(spec_for("exit"), cancel_);
  ASSERT_FALSE(ran);
  EXPECT_EQ(run("count").out, "1") << "of a fresh one";
  done.arrive_and_wait();
  other.join();
}

TEST_F(tool_workers_test, one_that_closes_its_output_and_stays_is_ended) {
  const auto pid = std::stoi(run("pid").out);
  const auto failed = run("close output");
  EXPECT_EQ(failed.signal, SIGKILL);
  EXPECT_THAT(failed.err, testing::HasSubstr("closed a standard stream"));
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST_F(tool_workers_test, one_that_closes_its_input_gets_no_more_work) {
  EXPECT_EQ(run("close input").exit_code, 0);
  EXPECT_EQ(run("count").out, "1");
  const auto spec = spec_for("close input");
  const auto alone = tool_process::start(spec);
  ASSERT_TRUE(alone) << alone.error().context;
  byte_vector answer;
  std::string err;
  tool_work work;
  work.arguments = spec.argv;
  EXPECT_FALSE((*alone)->is_unusable());
  EXPECT_EQ((*alone)->exchange(encode(work), spec.timeout, cancel_, answer, err),
            tool_process::ending::answered);
  EXPECT_TRUE((*alone)->is_unusable()) << "and is not even asked";
}

TEST_F(tool_workers_test, one_that_reads_nothing_ends_nobody_else) {
  ::signal(SIGPIPE, SIG_DFL);
  auto spec = spec_for(std::string(1 << 20, 'x'));  // more than a pipe holds
  spec.worker = {"/bin/false"};
  EXPECT_EQ(run(spec).exit_code, 1);
}

TEST_F(tool_workers_test, an_answer_to_work_that_is_not_sent_yet_is_none) {
  EXPECT_EQ(run("answer what comes unread").exit_code, 0);
  auto spec = spec_for("count");
  spec.argv.push_back(std::string(1 << 20, 'x'));
  EXPECT_THAT(run(spec).err, testing::HasSubstr("something else than an answer"));
  EXPECT_EQ(run("count").out, "1");
}

TEST_F(tool_workers_test, its_end_is_seen_though_a_child_of_it_lives) {
  const auto pid = std::stoi(run("pid").out);
  const auto failed = run("crash, but not its child");
  EXPECT_EQ(failed.signal, SIGABRT);
  EXPECT_FALSE(failed.timed_out);
  EXPECT_TRUE(test::wait_until([&] { return ::kill(-pid, 0) != 0; })) << "the child is ended, too";
}

TEST_F(tool_workers_test, all_it_prints_on_standard_error_belongs_to_its_work) {
  auto spec = spec_for("complain much");
  EXPECT_THAT(run(spec).err, testing::EndsWith("xthe end\n"));
  EXPECT_EQ(run("fail").err, "");
  spec.argv.push_back("crash");
  const auto failed = run(spec);
  EXPECT_EQ(failed.signal, SIGABRT);
  EXPECT_THAT(failed.err, testing::HasSubstr("xthe end\n"));
}

TEST_F(tool_workers_test, a_file_over_the_limit_is_told_as_one) {
  auto spec = spec_for("write");
  EXPECT_EQ(run(spec).exit_code, 0);
  spec.file_bytes_max = 1 << 20;
  const auto ended = run(spec);
  EXPECT_TRUE(ended.file_too_large);
  EXPECT_NE(ended.exit_code, 0);
  EXPECT_EQ(run("count").out, "2") << "the process without the limit is another one";
}

TEST_F(tool_workers_test, its_processor_time_is_that_of_the_work) {
  EXPECT_GE(run("burn").cpu, milliseconds(10));
  EXPECT_GT(run("count").cpu, duration::zero());
}

TEST_F(tool_workers_test, too_much_time_ends_it) {
  auto spec = spec_for("hang");
  spec.timeout = milliseconds(20);
  const auto pid = std::stoi(run("pid").out);
  EXPECT_TRUE(run(spec).timed_out);
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_EQ(run("count").out, "1");
}

TEST_F(tool_workers_test, cancelling_ends_it) {
  const auto pid = std::stoi(run("pid").out);
  std::thread stops([&] { cancel_.cancel(); });
  EXPECT_TRUE(run("hang").cancelled);
  stops.join();
  cancel_ = {};
  // Cancelled before it began, or while it ran: either way nothing works on it.
  EXPECT_TRUE(::kill(pid, 0) != 0 || run("count").out == "2");
}

TEST_F(tool_workers_test, other_arguments_or_variables_are_another_process) {
  const auto first = run("pid").out;
  auto spec = spec_for("pid");
  spec.environment["MODE"] = "x";
  EXPECT_NE(run(spec).out, first);
  auto more = spec_for("pid");
  more.worker.push_back("--verbose");
  EXPECT_NE(run(more).out, first);
  EXPECT_EQ(run("pid").out, first);
}

TEST_F(tool_workers_test, works_at_once_have_a_process_each) {
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  std::latch all_done(4);  // a tool ends with the thread that started it
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n)
        if (const auto ran = workers_.run(spec_for("count"), cancel_); ran && ran->exit_code == 0) ++good;
      all_done.arrive_and_wait();
    });
  for (auto& one : threads) one.join();
  EXPECT_EQ(good, 80);
}

TEST_F(tool_workers_test, a_program_without_a_worker_runs_as_before) {
  process_spec spec;
  spec.argv = {"/bin/echo", "hello"};
  spec.working_folder = folder_.path();
  EXPECT_EQ(run(spec).out, "hello\n");
}

TEST_F(tool_workers_test, a_program_that_is_not_there_is_named) {
  auto spec = spec_for("count");
  spec.worker = {"/nowhere/tool"};
  const auto ran = workers_.run(spec, cancel_);
  ASSERT_FALSE(ran);
  EXPECT_THAT(ran.error().context, testing::HasSubstr("/nowhere/tool"));
}

}  // namespace
}  // namespace graphite
