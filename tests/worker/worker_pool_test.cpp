#include "platform/worker/worker_pool.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/linux/c_strings.hpp"
#include "platform/linux/poll_wait.hpp"
#include "platform/linux/spawn.hpp"
#include "platform/worker/frames.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

logical_path path_of(const std::string& text) { return *logical_path::parse(text); }

/// Files in memory; keeps what was made.
class memory_exchange final : public worker_exchange {
 public:
  result<void> load(const logical_path& path, const placing& place) override {
    ++loads;
    const auto found = files.find(path.str());
    if (found == files.end()) return fail(errc::not_found, "no " + path.str());
    if (broken == path.str()) return fail(errc::io, "cannot read " + path.str());
    GRAPHITE_TRY(const auto memory, place(found->second.size()));
    if (!memory.empty()) std::memcpy(memory.data(), found->second.data(), memory.size());
    return {};
  }
  result<void> take(const logical_path& path, std::span<const byte_span> parts) override {
    for (const auto& part : parts) made[path.str()].push_back(std::string(as_text(part)));
    if (on_take) on_take();
    return {};
  }

  std::map<std::string, std::string> files;
  std::map<std::string, std::vector<std::string>> made;
  std::string broken;
  std::size_t loads = 0;
  std::function<void()> on_take;
};

/// Processes whose parent is `parent`.
std::vector<pid_t> children_of(pid_t parent) {
  std::ifstream in("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children");
  std::vector<pid_t> out;
  for (pid_t one = 0; in >> one;) out.push_back(one);
  return out;
}

/// The server: our only child.
pid_t server_pid() {
  const auto mine = children_of(::getpid());
  EXPECT_EQ(mine.size(), 1u);
  return mine.empty() ? -1 : mine.front();
}

class worker_pool_test : public testing::Test {
 protected:
  worker_pool_test() { what_.memory_bytes_max = 64 * MiB; }

  result<worker_outcome> run(const std::string& transform, const std::string& text = "hello") {
    what_.name = transform;
    exchange_.files["a/in.txt"] = text;
    exchange_.made.clear();
    return pool_.run({what_, input_, outputs_}, exchange_, cancel_);
  }
  std::string failure(const std::string& transform) {
    const auto ran = run(transform);
    if (!ran) return "error: " + ran.error().context;
    return ran->failure ? ran->failure->context : "no failure";
  }
  std::vector<std::string> made(const std::string& transform, const std::string& text = "hello") {
    const auto ran = run(transform, text);
    EXPECT_TRUE(ran && !ran->failure) << (ran ? ran->failure->context : ran.error().context);
    return exchange_.made["out.bin"];
  }

  built_in_spec what_;
  logical_path input_ = path_of("a/in.txt");
  std::vector<output_name> outputs_{{"out.bin", false}};
  memory_exchange exchange_;
  cancel_token cancel_;
  worker_pool pool_{worker_pool_options{.program = GRAPHITE_TEST_WORKER, .environment = {}, .nice = 0}};
};

TEST_F(worker_pool_test, a_task_gets_its_input_and_gives_its_output) {
  EXPECT_EQ(made("copy"), std::vector<std::string>{"hello"});
  EXPECT_EQ(made("copy", ""), std::vector<std::string>{""});
}

TEST_F(worker_pool_test, a_worker_has_what_the_server_got_ready) {
  worker_pool pool({.program = GRAPHITE_TEST_WORKER, .environment = {}, .arguments = {"a", "b"}, .nice = 0});
  what_.name = "warmth";
  exchange_.files["a/in.txt"] = "hello";
  ASSERT_TRUE(pool.run({what_, input_, outputs_}, exchange_, cancel_));
  EXPECT_THAT(exchange_.made["out.bin"], testing::ElementsAre("ab"));
}

TEST_F(worker_pool_test, parts_come_in_order) {
  EXPECT_EQ(made("halves", "leftright"), (std::vector<std::string>{"left", "right"}));
}

TEST_F(worker_pool_test, large_contents_go_both_ways) {
  what_.memory_bytes_max = 512 * MiB;
  std::string large(70 << 20, ' ');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761u >> 13);
  const auto halves = made("halves", large);
  EXPECT_TRUE(halves == (std::vector<std::string>{large.substr(0, 35 << 20), large.substr(35 << 20)}));
  EXPECT_EQ(made("copy", "small"), std::vector<std::string>{"small"});
}

/// A pool whose tasks share three threads.
class worker_threads_test : public worker_pool_test {
 protected:
  result<worker_outcome> run_threads(const std::string& how) {
    what_.name = "threads " + how;
    exchange_.files["a/in.txt"] = "hello";
    exchange_.made.clear();
    return shared_.run({what_, input_, outputs_}, exchange_, cancel_);
  }
  /// What each thread says.
  std::vector<std::string> said(const std::string& how) {
    const auto ran = run_threads(how);
    EXPECT_TRUE(ran && !ran->failure);
    auto out = exchange_.made["out.bin"];
    std::ranges::sort(out);
    return out;
  }
  std::string failure_of(const std::string& how) {
    const auto ran = run_threads(how);
    return !ran ? "no outcome: " + ran.error().context : !ran->failure ? "" : ran->failure->context;
  }

  worker_pool shared_{
      worker_pool_options{.program = GRAPHITE_TEST_WORKER, .environment = {}, .nice = 0, .threads = 3}};
};

TEST_F(worker_threads_test, a_task_alone_has_all_threads) {
  EXPECT_EQ(said("count"), (std::vector<std::string>{"first", "other", "other"}));
  EXPECT_EQ(said("count"), (std::vector<std::string>{"first", "other", "other"})) << "in the same worker";
}

TEST_F(worker_threads_test, tasks_at_once_share_them) {
  memory_exchange second;
  second.files["a/in.txt"] = "hello";
  exchange_.on_take = [&] {  // the first one still runs
    const auto ran = shared_.run({what_, input_, outputs_}, second, cancel_);
    EXPECT_TRUE(ran && !ran->failure);
  };
  EXPECT_EQ(said("count").size(), 3u);
  EXPECT_EQ(second.made["out.bin"], std::vector<std::string>{"first"}) << "a half of three threads";
  exchange_.on_take = nullptr;
  EXPECT_EQ(said("count").size(), 3u) << "alone again";
}

TEST_F(worker_threads_test, what_goes_wrong_in_one_is_the_task_s_failure) {
  EXPECT_EQ(failure_of("throw"), "thrown beside");
  EXPECT_THAT(failure_of("crash"), testing::HasSubstr("crashed (Segmentation fault)"));
  what_.timeout = milliseconds(50);
  EXPECT_THAT(failure_of("loop"), testing::HasSubstr("more than 0.05 s of processor time"));
  what_.timeout = milliseconds(10'000);
  EXPECT_EQ(said("count").size(), 3u);
}

TEST_F(worker_threads_test, they_share_the_time_limit_however_soon_they_are_done) {
  what_.timeout = milliseconds(100);
  EXPECT_THAT(failure_of("burn 40 ms"), testing::HasSubstr("more than 0.1 s of processor time"));
}

#ifndef __SANITIZE_ADDRESS__
TEST_F(worker_threads_test, a_task_that_needs_too_much_memory_with_them_is_tried_without) {
  EXPECT_EQ(said("hoard"), std::vector<std::string>{"first"}) << "which takes none";
  EXPECT_EQ(said("tries"), std::vector<std::string>{" 3 1 3"});
  EXPECT_THAT(failure_of("hoard in all"), testing::HasSubstr("needs more memory"));
}

TEST_F(worker_threads_test, none_reaches_anything_outside) {
  EXPECT_EQ(said("reach"), (std::vector<std::string>{"", "", "first"}));
}
#endif

TEST_F(worker_pool_test, a_worker_is_used_again) {
  EXPECT_EQ(made("count"), std::vector<std::string>{"1"});
  EXPECT_EQ(made("count"), std::vector<std::string>{"2"});
  EXPECT_EQ(pool_.started(), 1u);
}

TEST_F(worker_pool_test, a_worker_that_met_a_broken_input_is_not_used_again) {
  EXPECT_EQ(made("count"), std::vector<std::string>{"1"});
  EXPECT_EQ(failure("refuse"), "it is broken at byte 7");
  EXPECT_EQ(made("count"), std::vector<std::string>{"1"});
  EXPECT_EQ(pool_.started(), 2u);
}

TEST_F(worker_pool_test, a_worker_is_replaced_after_so_many_tasks) {
  worker_pool pool({.program = GRAPHITE_TEST_WORKER, .environment = {}, .nice = 0, .tasks_max = 2});
  what_.name = "count";
  exchange_.files["a/in.txt"] = "x";
  for (int i = 0; i < 5; ++i) {
    const auto ran = pool.run({what_, input_, outputs_}, exchange_, cancel_);
    ASSERT_TRUE(ran && !ran->failure);
  }
  EXPECT_EQ(exchange_.made["out.bin"], (std::vector<std::string>{"1", "2", "1", "2", "1"}));
}

TEST_F(worker_pool_test, a_file_asked_for_is_brought_or_told_missing) {
  exchange_.files["lib/x.glsl"] = "contents";
  EXPECT_EQ(made("include", "lib/x.glsl"), std::vector<std::string>{"contents"});
  EXPECT_EQ(made("include", "lib/none.glsl"), std::vector<std::string>{"none"});
}

TEST_F(worker_pool_test, a_file_that_cannot_be_read_ends_the_task_with_that_error) {
  exchange_.files["lib/x.glsl"] = "contents";
  exchange_.broken = "lib/x.glsl";
  const auto ran = run("include", "lib/x.glsl");
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, errc::io);
  EXPECT_EQ(made("copy"), std::vector<std::string>{"hello"});
}

TEST_F(worker_pool_test, a_crash_costs_one_task_and_says_so) {
  EXPECT_THAT(failure("crash"), testing::HasSubstr("crashed (Segmentation fault)"));
  EXPECT_THAT(failure("exit"), testing::HasSubstr("exit code 9"));
  EXPECT_TRUE(exchange_.made.empty());
  EXPECT_EQ(made("copy"), std::vector<std::string>{"hello"});
}

TEST_F(worker_pool_test, too_much_time_is_refused) {
  what_.timeout = milliseconds(50);
  EXPECT_THAT(failure("loop"), testing::HasSubstr("more than 0.05 s of processor time"));
  EXPECT_EQ(made("copy"), std::vector<std::string>{"hello"});
}

TEST_F(worker_pool_test, one_that_keeps_asking_is_out_of_time) {
  what_.timeout = milliseconds(50);
  exchange_.files["lib/x"] = "contents";
  for (const auto* how : {"ask", "ask ahead"})
    EXPECT_THAT(failure(how), testing::HasSubstr("more than 0.05 s of processor time"));
  EXPECT_EQ(made("copy"), std::vector<std::string>{"hello"});
}

TEST_F(worker_pool_test, what_is_asked_for_again_is_brought_once) {
  exchange_.files["lib/x"] = "contents";
  EXPECT_THAT(failure("ask 10000 times"), testing::HasSubstr("no transform"));
  EXPECT_EQ(exchange_.loads, 2u) << "with its input";
}

TEST_F(worker_pool_test, one_that_asks_for_too_many_files_is_refused) {
  EXPECT_THAT(failure("ask for all"), testing::HasSubstr("does not keep to the protocol"));
  EXPECT_EQ(exchange_.loads, 65'536u) << "with its input";
}

TEST_F(worker_pool_test, one_that_asks_and_does_not_read_is_refused) {
  exchange_.files["lib/x"] = "contents";
  EXPECT_THAT(failure("flood"), testing::HasSubstr("does not keep to the protocol"));
  EXPECT_EQ(made("copy"), std::vector<std::string>{"hello"});
}

TEST_F(worker_pool_test, what_one_says_of_its_own_end_is_not_believed) {
  exchange_.files["lib/x"] = "contents";
  EXPECT_THAT(failure("forge"), testing::HasSubstr("does not keep to the protocol"));
  EXPECT_THAT(failure("hush"), testing::HasSubstr("does not keep to the protocol"));
  EXPECT_EQ(made("copy"), std::vector<std::string>{"hello"});
}

TEST_F(worker_pool_test, a_cancel_that_comes_too_late_leaves_the_next_task_alone) {
  exchange_.on_take = [this] { cancel_.cancel(); };
  EXPECT_EQ(made("copy"), std::vector<std::string>{"hello"});
  cancel_ = {};
  exchange_.on_take = nullptr;
  what_.timeout = milliseconds(50);
  EXPECT_THAT(failure("loop"), testing::HasSubstr("processor time"));
  EXPECT_EQ(pool_.started(), 1u) << "both in one worker";
}

#ifndef __SANITIZE_ADDRESS__
TEST_F(worker_pool_test, too_much_memory_is_refused) {
  const auto ran = run("hoard");
  ASSERT_TRUE(ran && ran->failure);
  EXPECT_EQ(ran->failure->code, errc::too_large);
  EXPECT_THAT(ran->failure->context, testing::HasSubstr("memory"));
  EXPECT_EQ(made("copy"), std::vector<std::string>{"hello"});
}

TEST_F(worker_pool_test, a_worker_reaches_nothing_outside) {
  EXPECT_EQ(made("reach"), std::vector<std::string>{""});
}
#endif

TEST_F(worker_pool_test, the_stack_is_bounded_whatever_the_caller_s_is) {
  rlimit mine{};
  ASSERT_EQ(::getrlimit(RLIMIT_STACK, &mine), 0);
  auto more = mine;
  more.rlim_cur = std::min<rlim_t>(mine.rlim_max, 64 * MiB);
  ASSERT_EQ(::setrlimit(RLIMIT_STACK, &more), 0);
  EXPECT_EQ(made("count"), std::vector<std::string>{"1"});
  ASSERT_EQ(::setrlimit(RLIMIT_STACK, &mine), 0);
  rlimit its{};
  ASSERT_EQ(::prlimit(children_of(server_pid()).front(), RLIMIT_STACK, nullptr, &its), 0);
  EXPECT_LE(its.rlim_max, 8 * MiB);
}

TEST_F(worker_pool_test, too_large_outputs_are_refused) {
  what_.memory_bytes_max = 512 * MiB;
  what_.output_bytes_max = 1 * MiB;
  EXPECT_EQ(failure("fill"), "its outputs have more than 1024 KiB (the rule's 'output_max')");
}

TEST_F(worker_pool_test, a_cancelled_task_ends) {
  std::thread stops([&] {
    EXPECT_TRUE(test::wait_until([&] { return pool_.started() > 0; }));
    cancel_.cancel();
  });
  const auto ran = run("loop");
  stops.join();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, errc::cancelled);
}

TEST_F(worker_pool_test, a_worker_killed_from_outside_is_our_side_s_failure) {
  const auto worker = [&] {
    EXPECT_EQ(made("count"), std::vector<std::string>{"1"});
    const auto all = children_of(server_pid());
    EXPECT_EQ(all.size(), 1u);
    return all.front();
  }();
  std::thread kills([&] {
    // It is busy once its processor time grows: a task that never ends.
    const auto busy = [&] {
      std::ifstream in("/proc/" + std::to_string(worker) + "/stat");
      std::string text((std::istreambuf_iterator<char>(in)), {});
      return text.find(") R ") != std::string::npos;
    };
    EXPECT_TRUE(test::wait_until(busy));
    ::kill(worker, SIGKILL);
  });
  const auto ran = run("loop");
  kills.join();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, errc::unavailable);
  EXPECT_EQ(made("copy"), std::vector<std::string>{"hello"});
}

TEST_F(worker_pool_test, a_dead_worker_at_rest_is_not_used) {
  EXPECT_EQ(made("count"), std::vector<std::string>{"1"});
  const auto server = server_pid();
  ::kill(children_of(server).front(), SIGKILL);
  EXPECT_TRUE(test::wait_until([&] { return children_of(server).empty(); }));
  EXPECT_EQ(made("count"), std::vector<std::string>{"1"});
}

TEST_F(worker_pool_test, a_dead_server_is_started_again) {
  EXPECT_EQ(made("count"), std::vector<std::string>{"1"});
  const auto server = server_pid();
  const auto worker = children_of(server).front();
  ::kill(server, SIGKILL);
  EXPECT_TRUE(test::wait_until([&] { return ::kill(worker, 0) != 0; }));
  EXPECT_EQ(made("count"), std::vector<std::string>{"1"});
}

TEST_F(worker_pool_test, a_server_that_cannot_start_a_worker_is_not_replaced) {
  EXPECT_EQ(made("count"), std::vector<std::string>{"1"});
  const auto server = server_pid();
  rlimit before{};
  ASSERT_EQ(::prlimit(server, RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(::prlimit(server, RLIMIT_NOFILE, &none, nullptr), 0);
  EXPECT_EQ(failure("refuse"), "it is broken at byte 7");  // and the worker is no more
  const auto ran = run("copy");
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, errc::busy);
  EXPECT_EQ(server_pid(), server);
  ASSERT_EQ(::prlimit(server, RLIMIT_NOFILE, &before, nullptr), 0);
  EXPECT_EQ(made("copy"), std::vector<std::string>{"hello"});
  EXPECT_EQ(server_pid(), server);
}

#ifndef __SANITIZE_ADDRESS__
TEST_F(worker_pool_test, a_limit_of_memory_from_outside_stays) {
  EXPECT_EQ(made("count"), std::vector<std::string>{"1"});
  const auto worker = children_of(server_pid()).front();
  const rlimit low{32 * MiB, 32 * MiB};
  ASSERT_EQ(::prlimit(worker, RLIMIT_DATA, &low, nullptr), 0);
  what_.memory_bytes_max = 128 * MiB;
  EXPECT_EQ(made("count"), std::vector<std::string>{"2"});
  rlimit now{};
  ASSERT_EQ(::prlimit(worker, RLIMIT_DATA, nullptr, &now), 0);
  EXPECT_EQ(now.rlim_max, 32 * MiB);
  EXPECT_EQ(now.rlim_cur, 32 * MiB);
}
#endif

TEST_F(worker_pool_test, workers_end_with_the_pool) {
  pid_t worker = -1;
  {
    worker_pool pool({.program = GRAPHITE_TEST_WORKER, .environment = {}, .nice = 0});
    ASSERT_TRUE(pool.warm_up());
    worker = children_of(server_pid()).front();
    EXPECT_EQ(::kill(worker, 0), 0);
  }
  EXPECT_TRUE(test::wait_until([&] { return ::kill(worker, 0) != 0; }));
}

TEST_F(worker_pool_test, several_tasks_run_side_by_side) {
  ASSERT_TRUE(pool_.warm_up());  // by the thread that stays
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      built_in_spec what;
      what.name = "copy";
      for (int n = 0; n < 50; ++n) {
        memory_exchange exchange;
        exchange.files["a/in.txt"] = std::to_string(i * 1000 + n);
        const auto ran = pool_.run({what, input_, outputs_}, exchange, cancel_);
        if (ran && !ran->failure && exchange.made["out.bin"].front() == exchange.files["a/in.txt"]) ++good;
      }
    });
  for (auto& one : threads) one.join();
  EXPECT_EQ(good, 200);
  EXPECT_LE(pool_.started(), 4u);
}

TEST(worker_process_test, at_rest_it_forgets_a_wake_that_came_too_late) {
  const auto parts = worker_process::prepare();
  ASSERT_TRUE(parts) << parts.error().context;
  parts->made->wake();
  EXPECT_TRUE(readable_within(parts->made->wake_descriptor(), milliseconds(0)));
  EXPECT_TRUE(parts->made->rest(0));
  EXPECT_FALSE(readable_within(parts->made->wake_descriptor(), milliseconds(0)));
}

TEST(worker_pool_of_another_build, says_so) {
  worker_pool pool(
      {.program = GRAPHITE_TEST_WORKER, .environment = {}, .arguments = {"--of another build"}, .nice = 0});
  const auto warm = pool.warm_up();
  ASSERT_FALSE(warm);
  EXPECT_EQ(warm.error().code, errc::unsupported);
  EXPECT_THAT(warm.error().context, testing::HasSubstr("of another version"));
}

/// Starts the server by itself, and sends it `request`: the errno with which it refuses.
std::uint64_t refusal_of(const worker_frame& request) {
  auto ends = *worker_socket_pair();
  owned_fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::vector<std::string> arguments{GRAPHITE_TEST_WORKER}, no_variables;
  const auto argv = c_strings(arguments), environment = c_strings(no_variables);
  spawn_request how;
  how.program = arguments.front().c_str();
  how.argv = argv.data();
  how.environment = environment.data();
  how.working_folder = "/";
  how.in = ends.second.get();
  how.out = how.err = nothing.get();
  const auto server = spawn(how);
  EXPECT_TRUE(server) << server.error().context;
  EXPECT_TRUE(send_frame(ends.first.get(), request));
  const auto reply = receive_frame(ends.first.get());
  EXPECT_TRUE(reply) << reply.error().context;
  ends.first.reset();
  ::waitpid(server->pid, nullptr, 0);
  return reply ? reply->frame.size : 0;
}

TEST(worker_server_test, a_pool_of_another_build_is_refused) {
  const auto start = worker_frame::kind::start;
  EXPECT_EQ(refusal_of({start, 0, worker_protocol + 1, 0}), EPROTO);
  EXPECT_EQ(refusal_of({worker_frame::kind::task, 0, worker_protocol, 0}), EPROTO);
  EXPECT_EQ(refusal_of({start, 0, worker_protocol, 0}), EMFILE) << "without its descriptors";
}

TEST(worker_pool_without_a_program, says_which_program_it_wants) {
  worker_pool pool({.program = "/nowhere/graphite-worker", .environment = {}, .nice = 0});
  const auto warm = pool.warm_up();
  ASSERT_FALSE(warm);
  EXPECT_EQ(warm.error().code, errc::unavailable);
  EXPECT_THAT(warm.error().context, testing::HasSubstr("/nowhere/graphite-worker"));
}

}  // namespace
}  // namespace graphite
