#include "gateway/http_server.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>

#include "tests/gateway/slow_crowd.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

using test::raw_client;

/// A server without keys that shows made-up pages.
struct http_server_of_this_machine : testing::Test {
  http_server_of_this_machine() { options.port = 0; }

  void serve() {
    auto started = http_server::start(sources(), options, log);
    ASSERT_TRUE(started) << started.error().context;
    server = std::move(*started);
  }
  http_sources sources() {
    return {[this] { return metrics; }, [this] { return ready; },
            [this](reply<std::string> done) {
              const std::lock_guard lock(mutex);
              if (!keeps_questions) return done(R"({"event":"status"})");
              questions.push_back(std::move(done));
            }};
  }
  std::size_t questions_open() {
    const std::lock_guard lock(mutex);
    return questions.size();
  }

  std::string answer_to(const std::string& request) const {
    raw_client one(server->address());
    one.send(request);
    return one.read_to_end();
  }
  std::string get(const std::string& path, const std::string& host = "127.0.0.1:7404") const {
    return answer_to("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
  }
  void expect_served() const { EXPECT_NE(get("/healthz").find("200 OK"), std::string::npos); }
  void expect_logged(const std::string& text) const {
    EXPECT_TRUE(test::wait_until([&] { return log.contains(text); })) << text;
  }

  http_server_options options;
  test::recording_log log;
  std::string metrics = "a_total 1\n";
  bool ready = true, keeps_questions = false;
  std::mutex mutex;
  std::vector<reply<std::string>> questions;
  std::unique_ptr<http_server> server;
};

/// Of this process's only thread of that name.
std::optional<int> niceness_of(const std::string& name) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream in(task.path() / "comm");
    std::string its;
    std::getline(in, its);
    if (its == name)
      return ::getpriority(PRIO_PROCESS, static_cast<id_t>(std::stoi(task.path().filename().string())));
  }
  return std::nullopt;
}

TEST_F(http_server_of_this_machine, leaves_processors_to_others) {
  serve();
  const int own = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
  EXPECT_TRUE(test::wait_until([own] { return niceness_of("http").value_or(own) > own; }));
}

TEST_F(http_server_of_this_machine, serves_every_page) {
  serve();
  EXPECT_NE(get("/metrics").find("a_total 1\n"), std::string::npos);
  EXPECT_NE(get("/metrics?names=all").find("a_total 1\n"), std::string::npos);
  EXPECT_NE(get("/healthz").find("200 OK"), std::string::npos);
  EXPECT_NE(get("/readyz").find("200 OK"), std::string::npos);
  EXPECT_NE(get("/status").find(R"({"event":"status"})"), std::string::npos);
  EXPECT_NE(get("/secret").find("404"), std::string::npos);
}

TEST_F(http_server_of_this_machine, answers_head_without_the_body_and_nothing_else_than_get) {
  serve();
  const auto head = answer_to("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 10\r\n"), std::string::npos) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  const auto post = answer_to("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_NE(post.find("501"), std::string::npos) << post;
}

TEST_F(http_server_of_this_machine, says_that_it_is_not_ready) {
  ready = false;
  serve();
  EXPECT_NE(get("/readyz").find("503"), std::string::npos);
}

TEST_F(http_server_of_this_machine, takes_another_port_or_none_where_one_is_taken) {
  serve();
  auto other = options;
  other.port = server->port();
  const auto second = http_server::start(sources(), other, log);
  ASSERT_TRUE(second) << second.error().context;
  EXPECT_NE((*second)->port(), server->port());
  other.any_port_if_taken = false;
  EXPECT_EQ(http_server::start(sources(), other, log).error().code, errc::already_exists);
}

TEST_F(http_server_of_this_machine, listens_on_loopback_alone) {
  options.address = "0.0.0.0";
  EXPECT_EQ(http_server::start(sources(), options, log).error().code, errc::permission_denied);
}

TEST_F(http_server_of_this_machine, has_no_keys_to_change) {
  serve();
  EXPECT_EQ(server->use_keys({}).error().code, errc::unsupported);
}

TEST_F(http_server_of_this_machine, refuses_who_asks_for_another_host) {
  serve();
  EXPECT_NE(get("/metrics", "evil.example").find("403"), std::string::npos);
  EXPECT_NE(get("/status", "localhost:7404").find("200 OK"), std::string::npos);
  EXPECT_NE(get("/status", "[::1]:7404").find("200 OK"), std::string::npos);
  EXPECT_NE(answer_to("GET /status HTTP/1.0\r\n\r\n").find("403"), std::string::npos);
  expect_logged("operators' port: refused a client at 127.0.0.1");
  expect_logged("ask for localhost");
}

TEST_F(http_server_of_this_machine, may_ask_for_a_bearer) {
  options.may_see_status = [](const http_peer& who) -> result<void> {
    if (who.bearer == "right") return {};
    return fail(errc::permission_denied, "show the token");
  };
  serve();
  const auto ask = [&](const std::string& header) {
    return answer_to("GET /status HTTP/1.1\r\nHost: localhost\r\n" + header + "Connection: close\r\n\r\n");
  };
  EXPECT_NE(ask("").find("show the token"), std::string::npos);
  EXPECT_NE(ask("Authorization: Bearer wrong\r\n").find("403"), std::string::npos);
  EXPECT_NE(ask("Authorization: right\r\n").find("403"), std::string::npos);
  EXPECT_NE(ask("Authorization: Bearer right\r\n").find("200"), std::string::npos);
}

TEST_F(http_server_of_this_machine, says_that_garbage_is_no_request) {
  serve();
  EXPECT_NE(answer_to("what?\r\n\r\n").find("400"), std::string::npos);
  EXPECT_NE(answer_to("GET /healthz HTTP/1.1\r\nno header\r\n\r\n").find("400"), std::string::npos);
  answer_to(std::string(100'000, '\xff'));
  expect_logged("its request is too long");
  answer_to("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n");
  expect_served();
}

TEST_F(http_server_of_this_machine, serves_others_while_a_status_is_waited_for) {
  keeps_questions = true;
  options.limits.status_timeout = milliseconds(60'000);
  serve();
  raw_client waiting(server->address());
  waiting.send("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(test::wait_until([&] { return questions_open() == 1; }));
  expect_served();
  questions.front()(std::string("{\"late\":1}"));
  EXPECT_NE(waiting.read_to_end().find("{\"late\":1}"), std::string::npos);
}

TEST_F(http_server_of_this_machine, says_that_the_status_did_not_come) {
  keeps_questions = true;
  options.limits.status_timeout = milliseconds(20);
  serve();
  EXPECT_NE(get("/status").find("503"), std::string::npos);
  const std::lock_guard lock(mutex);
  questions.clear();  // dropped without an answer
}

TEST_F(http_server_of_this_machine, bounds_the_questions_that_nobody_answers) {
  keeps_questions = true;
  options.limits.questions_max = 2;
  options.limits.status_timeout = milliseconds(20);
  serve();
  for (int i = 0; i < 2; ++i) EXPECT_NE(get("/status").find("not say its status in time"), std::string::npos);
  EXPECT_NE(get("/status").find("too many ask"), std::string::npos);
  EXPECT_EQ(questions_open(), 2u);
  {
    const std::lock_guard lock(mutex);
    questions.clear();
    keeps_questions = false;
  }
  EXPECT_NE(get("/status").find("200 OK"), std::string::npos);
}

TEST_F(http_server_of_this_machine, closes_who_asks_nothing) {
  options.limits.request_timeout = milliseconds(30);
  serve();
  raw_client silent(server->address()), dripping(server->address());
  dripping.send("GET /hea");
  EXPECT_EQ(silent.read_to_end(), "");
  EXPECT_EQ(dripping.read_to_end(), "");
  expect_logged("no request in time");
  expect_served();
}

TEST_F(http_server_of_this_machine, closes_who_does_not_take_the_answer) {
  metrics = std::string(64 << 20, '#');
  options.limits.answer_timeout = milliseconds(100);
  serve();
  raw_client deaf(server->address());
  deaf.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  expect_logged("it does not take its answer");
  EXPECT_LT(deaf.read_to_end().size(), metrics.size());
}

TEST_F(http_server_of_this_machine, is_kept_from_nobody_by_those_who_do_not_take_their_answers) {
  metrics = std::string(16 << 20, '#');
  options.limits.answer_timeout = milliseconds(60'000);
  options.limits.proved_max = 4;
  serve();
  std::vector<std::unique_ptr<raw_client>> deaf;
  for (int i = 0; i < 12; ++i) {
    deaf.push_back(std::make_unique<raw_client>(server->address()));
    deaf.back()->send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  expect_logged("it was slow while others came");
  expect_served();
}

TEST_F(http_server_of_this_machine, is_kept_from_nobody_by_a_thousand_slow_clients) {
  if (!test::slow_crowd::allowed()) GTEST_SKIP() << "too few open files are allowed";
  options.limits.request_timeout = milliseconds(60'000);
  serve();
  const test::slow_crowd crowd(server->address(), {"", "G", "GET /metrics HTTP/1.1\r\nHost: loc"});
  for (int i = 0; i < 10; ++i) expect_served();
  const test::slow_crowd another(server->address(), {"GET /metrics HTTP/1.1\r\nHost: loc"});
  expect_served();
  expect_logged("it was slow while others came");
}

TEST_F(http_server_of_this_machine, ends_while_clients_are_connected) {
  keeps_questions = true;
  serve();
  const raw_client silent(server->address());
  raw_client asking(server->address());
  asking.send("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(test::wait_until([&] { return questions_open() == 1; }));
  server.reset();
  EXPECT_EQ(asking.read_to_end(), "");
  questions.front()(std::string("too late"));
}

}  // namespace
}  // namespace graphite
