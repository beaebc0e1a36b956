#include "gateway/local_service.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "gateway/service_client.hpp"
#include "gateway/service_socket.hpp"
#include "tests/support/fake_facade.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using behaviour = test::fake_facade::behaviour;

class local_service_test : public testing::Test {
 protected:
  local_service_test() {
    options_.state_folder = folder_.path();
    options_.program = "1.2.3";
    facade_.status_value.project = "fake";
  }

  void serve() {
    auto started = local_service::start(facade_, options_, log_);
    ASSERT_TRUE(started) << started.error().context;
    service_ = std::move(*started);
  }

  result<std::unique_ptr<service_client>> connect(milliseconds call_timeout = milliseconds(10'000)) {
    return service_client::connect({folder_.path(), "1.2.3", milliseconds(10'000), call_timeout});
  }

  test::temporary_folder folder_;
  test::recording_log log_;
  test::fake_facade facade_;
  local_service_options options_;
  std::unique_ptr<local_service> service_;
};

/// Bytes that arrive until the other side closes; nothing within ten seconds fails the test.
std::size_t read_to_end(int fd) {
  const timeval limit{10, 0};
  ::fcntl(fd, F_SETFL, 0);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::size_t total = 0;
  char buffer[4096];
  while (true) {
    const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
    if (size == 0 || (size < 0 && errno == ECONNRESET)) return total;
    if (size < 0) {
      ADD_FAILURE() << "the service keeps the connection open";
      return total;
    }
    total += static_cast<std::size_t>(size);
  }
}

TEST_F(local_service_test, every_question_reaches_the_facade_and_comes_back) {
  facade_.build_value.ran = 5;
  facade_.why_value.path = "a.png";
  facade_.why_value.key_components = {{"argv", "convert"}};
  facade_.diff_value.changed = {"a.png"};
  facade_.graph_lines = {"a.png", "level.bin"};
  facade_.graph_left_out = 3;
  facade_.trace_value.head.build = "latest";
  facade_.trace_value.next = 1;
  serve();
  auto client = connect();
  ASSERT_TRUE(client) << client.error().context;
  EXPECT_EQ((*client)->service_program(), "1.2.3");
  EXPECT_EQ((*client)->service_pid(), static_cast<std::uint64_t>(::getpid()));
  EXPECT_EQ((*client)->status()->project, "fake");
  EXPECT_EQ((*client)->build({true, true})->ran, 5u);
  EXPECT_TRUE(facade_.last_build().keep_going);
  EXPECT_TRUE(facade_.last_build().dry_run);
  EXPECT_EQ((*client)->why("a.png")->key_components.at(0).second, "convert");
  EXPECT_EQ((*client)->why("b.png").error().code, errc::not_found);
  EXPECT_EQ((*client)->trace("latest", 6)->next, 7u);
  EXPECT_EQ((*client)->trace("12", 0).error().code, errc::not_found);
  EXPECT_EQ((*client)->diff("main", 1, 2)->changed.at(0), "a.png");
  EXPECT_EQ((*client)->rollback("main", 41)->sequence.value, 1041u);
  EXPECT_EQ((*client)->graph({graph_query::kind::rdeps, "a.png", ""})->left_out, 3u);
  EXPECT_EQ((*client)->graph({graph_query::kind::path, "a.png", "level.bin"})->lines.size(), 2u);
  EXPECT_EQ(facade_.last_graph().to, "level.bin");
}

TEST_F(local_service_test, a_request_to_collect_garbage_tells_no_bound_from_the_bound_zero) {
  facade_.gc_value.results_dropped = 12;
  facade_.gc_value.seconds = 0.5;
  serve();
  auto client = connect();
  const auto report = (*client)->gc({std::nullopt, true});
  ASSERT_TRUE(report) << report.error().context;
  EXPECT_EQ(report->results_dropped, 12u);
  EXPECT_EQ(report->seconds, 0.5);
  EXPECT_FALSE(facade_.last_gc().cache_bytes);
  EXPECT_TRUE(facade_.last_gc().dry_run);
  ASSERT_TRUE((*client)->gc({0, false}));
  EXPECT_EQ(facade_.last_gc().cache_bytes, 0u);
  EXPECT_FALSE(facade_.last_gc().dry_run);
}

TEST_F(local_service_test, a_collection_may_take_longer_than_any_other_answer) {
  serve();
  auto client = connect(milliseconds(1));
  facade_.set(behaviour::slow);
  ASSERT_EQ((*client)->status().error().code, errc::timed_out);
  std::jthread late([this] {
    EXPECT_TRUE(facade_.wait_until([this] { return facade_.kept_count() == 2; }));
    // One that is asked later and may take as long has run out of time before.
    EXPECT_EQ((*connect(milliseconds(1)))->status().error().code, errc::timed_out);
    facade_.answer_all();
  });
  EXPECT_TRUE((*client)->gc({}));
}

TEST_F(local_service_test, a_failure_keeps_its_code_and_context) {
  facade_.set_failure({errc::out_of_space, "the disk is full"});
  serve();
  auto client = connect();
  const auto status = (*client)->status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, errc::out_of_space);
  EXPECT_EQ(status.error().context, "the disk is full");
}

TEST_F(local_service_test, many_clients_ask_at_once) {
  facade_.set(behaviour::threaded);
  serve();
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&] {
      auto client = connect();
      if (!client) return;
      for (int n = 0; n < 50; ++n) right += (*client)->status().has_value() ? 1 : 0;
    });
  for (auto& one : clients) one.join();
  EXPECT_EQ(right, 8 * 50);
}

TEST_F(local_service_test, a_client_that_vanishes_amid_a_call_harms_nobody) {
  facade_.set(behaviour::slow);
  serve();
  const pid_t child = ::fork();
  if (child == 0) {
    auto client = connect();
    if (client) (void)(*client)->build({});
    ::_exit(0);
  }
  ASSERT_TRUE(facade_.wait_until([&] { return facade_.kept_count() == 1; }));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  facade_.set(behaviour::prompt);
  auto client = connect();
  ASSERT_TRUE(client);
  EXPECT_TRUE((*client)->status());
  EXPECT_EQ(facade_.answer_all(), 1u);  // a reply nobody waits for
  EXPECT_TRUE((*client)->status());
}

TEST_F(local_service_test, a_dropped_reply_is_an_answer) {
  facade_.set(behaviour::vanishing);
  serve();
  auto client = connect();
  EXPECT_EQ((*client)->status().error().code, errc::unavailable);
}

TEST_F(local_service_test, a_slow_question_times_out_and_the_late_reply_is_dropped) {
  options_.query_timeout = milliseconds(20);
  facade_.set(behaviour::slow);
  serve();
  auto client = connect();
  EXPECT_EQ((*client)->status().error().code, errc::timed_out);
  EXPECT_EQ(facade_.answer_all(), 1u);
  facade_.set(behaviour::prompt);
  EXPECT_TRUE((*client)->status());
}

TEST_F(local_service_test, the_client_has_a_deadline_of_its_own) {
  facade_.set(behaviour::slow);
  serve();
  auto client = connect(milliseconds(20));
  EXPECT_EQ((*client)->status().error().code, errc::timed_out);
  facade_.answer_all();
}

TEST_F(local_service_test, a_hold_ends_when_its_client_is_killed) {
  serve();
  const pid_t child = ::fork();
  if (child == 0) {
    auto client = connect();
    if (!client || !(*client)->hold(milliseconds(60'000))) ::_exit(1);
    ::pause();
  }
  ASSERT_TRUE(facade_.wait_until([&] { return facade_.holds_in_force() == 1; }));
  EXPECT_EQ(facade_.last_hold_timeout(), seconds(60));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(facade_.wait_until([&] { return facade_.holds_in_force() == 0; }));
}

TEST_F(local_service_test, a_hold_granted_after_its_client_went_is_released) {
  facade_.set(behaviour::slow);
  serve();
  {
    auto client = connect(milliseconds(20));
    EXPECT_EQ((*client)->hold({}).error().code, errc::timed_out);
  }
  ASSERT_TRUE(facade_.wait_until([&] { return facade_.kept_count() == 1; }));
  ASSERT_EQ(facade_.holds_in_force(), 1u);
  facade_.answer_all();
  EXPECT_TRUE(facade_.wait_until([&] { return facade_.holds_in_force() == 0; }));
}

TEST_F(local_service_test, a_hold_can_be_given_back) {
  serve();
  auto client = connect();
  ASSERT_TRUE((*client)->hold({}));
  EXPECT_EQ((*client)->hold({}).error().code, errc::already_exists);
  EXPECT_EQ((*client)->wait_for_hold_end(milliseconds(1)), hold_state::in_force);
  EXPECT_EQ((*client)->release(), true);
  EXPECT_EQ((*client)->release(), false);
  EXPECT_EQ((*client)->release_all(), 0u);
  EXPECT_TRUE((*client)->hold({}));
}

TEST_F(local_service_test, anybody_can_end_all_holds_and_their_clients_learn) {
  serve();
  auto holder = connect();
  ASSERT_TRUE((*holder)->hold({}));
  std::thread([&] { EXPECT_EQ((*connect())->release_all(), 1u); }).join();
  EXPECT_EQ((*holder)->wait_for_hold_end(milliseconds(10'000)), hold_state::ended);
  EXPECT_EQ((*holder)->release(), false);
}

TEST_F(local_service_test, holds_are_bounded) {
  options_.holds_max = 1;
  serve();
  auto first = connect();
  ASSERT_TRUE((*first)->hold({}));
  std::thread([&] { EXPECT_EQ((*connect())->hold({}).error().code, errc::busy); }).join();
}

TEST_F(local_service_test, a_holder_notices_that_the_service_ends) {
  serve();
  auto client = connect();
  ASSERT_TRUE((*client)->hold({}));
  service_.reset();
  EXPECT_EQ((*client)->wait_for_hold_end(milliseconds(10'000)), hold_state::service_gone);
  EXPECT_EQ(facade_.holds_in_force(), 0u);
  EXPECT_EQ((*client)->status().error().code, errc::unavailable);
}

TEST_F(local_service_test, another_user_is_disconnected_before_a_word) {
  options_.admit = [](const peer_credentials& peer) { return peer.uid != ::geteuid(); };
  serve();
  EXPECT_EQ(connect().error().code, errc::unavailable);
  EXPECT_TRUE(log_.contains("refused a client of user"));
  EXPECT_EQ(facade_.calls(), 0u);
}

TEST(peer_credentials_test, our_user_and_root_are_admitted_and_nobody_else) {
  EXPECT_TRUE(same_user_or_root({::geteuid(), 1, 1}));
  EXPECT_TRUE(same_user_or_root({0, 1, 1}));
  EXPECT_FALSE(same_user_or_root({::geteuid() + 1, 0, 1}));
  EXPECT_FALSE(same_user_or_root({}));
}

TEST_F(local_service_test, the_credentials_are_the_kernels) {
  std::atomic<std::int32_t> pid{0};
  options_.admit = [&](const peer_credentials& peer) {
    pid = peer.pid;
    return same_user_or_root(peer);
  };
  serve();
  EXPECT_TRUE(connect());
  EXPECT_EQ(pid, ::getpid());
}

TEST_F(local_service_test, a_request_over_the_limit_ends_only_its_connection) {
  options_.request_bytes_max = 4 * KiB;
  serve();
  auto client = connect();
  const auto refused = (*client)->why(std::string(64 * KiB, 'x'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_EQ(facade_.calls(), 0u);
  client->reset();
  EXPECT_TRUE((*connect())->status());
}

TEST_F(local_service_test, an_answer_over_the_limit_is_refused) {
  options_.answer_bytes_max = 1 * KiB;
  facade_.graph_lines.assign(200, "a/rather/long/path/of/an/asset.png");
  serve();
  auto client = connect();
  EXPECT_EQ((*client)->graph({}).error().code, errc::too_large);
  EXPECT_TRUE((*client)->status());
}

TEST_F(local_service_test, connections_are_bounded) {
  options_.connections_max = 1;
  serve();
  auto first = connect();
  ASSERT_TRUE(first);
  std::thread([&] {
    auto second = connect();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, errc::busy);
  }).join();
  EXPECT_TRUE((*first)->status());
}

TEST_F(local_service_test, open_questions_are_bounded_even_for_vanished_clients) {
  options_.calls_outstanding_max = 1;
  facade_.set(behaviour::slow);
  serve();
  { EXPECT_FALSE((*connect(milliseconds(20)))->status()); }
  EXPECT_EQ((*connect())->status().error().code, errc::busy);
  EXPECT_EQ(facade_.answer_all(), 1u);
  facade_.set(behaviour::prompt);
  EXPECT_TRUE((*connect())->status());
}

TEST_F(local_service_test, a_silent_connection_is_closed) {
  options_.hello_timeout = milliseconds(20);
  serve();
  auto fd = connect_service(folder_.path());
  ASSERT_TRUE(fd);
  EXPECT_EQ(read_to_end(fd->get()), 0u);
}

TEST_F(local_service_test, garbage_ends_only_its_connection) {
  serve();
  auto fd = connect_service(folder_.path());
  ASSERT_TRUE(fd);
  const std::string garbage(4096, '\xff');
  ASSERT_GT(::send(fd->get(), garbage.data(), garbage.size(), MSG_NOSIGNAL), 0);
  read_to_end(fd->get());
  EXPECT_TRUE((*connect())->status());
}

TEST_F(local_service_test, stop_reaches_the_facade_and_waits_for_the_end) {
  serve();
  auto client = connect();
  std::thread process([&] {
    EXPECT_TRUE(facade_.wait_until([&] { return facade_.stopped(); }));
    service_.reset();
  });
  EXPECT_TRUE((*client)->stop(milliseconds(10'000)));
  process.join();
  EXPECT_FALSE(service_locked(folder_.path()));
}

TEST_F(local_service_test, stop_tells_of_a_service_that_does_not_end) {
  serve();
  auto client = connect();
  EXPECT_EQ((*client)->stop(milliseconds(20)).error().code, errc::timed_out);
  EXPECT_TRUE(facade_.stopped());
}

TEST_F(local_service_test, a_reply_after_the_service_has_ended_is_dropped) {
  facade_.set(behaviour::slow);
  serve();
  { EXPECT_FALSE((*connect(milliseconds(20)))->status()); }
  service_.reset();
  EXPECT_EQ(facade_.answer_all(), 1u);
}

}  // namespace
}  // namespace graphite
