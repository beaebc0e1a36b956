#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "gateway/listen_address.hpp"
#include "tests/gateway/network_service_fixture.hpp"

namespace graphite {
namespace {

using network_service = test::network_service_fixture;

TEST_F(network_service, a_certificate_opens_the_port_for_its_verbs) {
  serve();
  auto client = by_certificate(keys_.client({verb::query}));
  ASSERT_TRUE(client) << client.error().context;
  EXPECT_EQ((*client)->service_program(), "1.2.3");
  EXPECT_EQ((*client)->status()->project, "fake");
  const auto refused = (*client)->build({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::permission_denied);
  EXPECT_EQ(refused.error().context, "certificate 7 of ann may query, and this needs build");
}

TEST_F(network_service, a_token_opens_its_port_for_its_verbs) {
  serve();
  auto client = by_token(keys_.token({verb::build}));
  ASSERT_TRUE(client) << client.error().context;
  EXPECT_TRUE((*client)->build({}));
  EXPECT_EQ((*client)->status().error().context, "token 9 of ci may build, and this needs query");
}

TEST_F(network_service, each_verb_opens_its_methods_and_no_others) {
  facade_.why_value.path = "a.png";
  serve();
  for (const auto allowed : {verb::query, verb::build, verb::publish, verb::operate}) {
    auto made = by_certificate(keys_.client({allowed}, 7, "n" + std::to_string(int(allowed))));
    ASSERT_TRUE(made) << made.error().context;
    auto& client = **made;
    const auto needs = [&](verb needed, const auto& answer) {
      EXPECT_EQ(answer.has_value(), needed == allowed) << to_string(verb_set{allowed});
      if (needed == allowed || answer.has_value()) return;
      EXPECT_EQ(answer.error().code, errc::permission_denied);
      EXPECT_NE(answer.error().context.find("needs " + to_string(verb_set{needed})), std::string::npos);
    };
    const auto before = facade_.calls();
    needs(verb::query, client.status());
    needs(verb::query, client.why("a.png"));
    needs(verb::query, client.graph({graph_query::kind::cycles, "", ""}));
    needs(verb::query, client.diff("main", 1, 2));
    needs(verb::build, client.build({}));
    needs(verb::publish, client.hold({}));
    needs(verb::publish, client.release_all());
    needs(verb::publish, client.rollback("main", 1));
    needs(verb::operate, client.gc({}));
    if (allowed != verb::operate) {
      EXPECT_EQ(client.stop(milliseconds(100)).error().code, errc::permission_denied);
      EXPECT_FALSE(facade_.stopped());
    }
    EXPECT_GT(facade_.calls(), before);
  }
}

TEST_F(network_service, the_socket_still_opens_everything) {
  serve();
  auto client = by_socket();
  ASSERT_TRUE(client) << client.error().context;
  EXPECT_TRUE((*client)->status());
  EXPECT_TRUE((*client)->build({}));
}

TEST_F(network_service, without_keys_loopback_asks_for_the_token_of_this_start) {
  options_.network.keys = nullptr;
  serve();
  const auto path = service_->start_token_path();
  ASSERT_EQ(path, folder_.path() + "/token");
  std::ifstream in(path);
  const std::string token{std::istreambuf_iterator<char>(in), {}};
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto with = [&](const std::string& text) {
    return connect_to(service_->certificates_address(), nullptr, test::network_keys::secret(text));
  };
  expect_refused(with(""), "needs the token of the service's start");
  expect_refused(with(token.substr(1)), "needs the token");
  expect_refused(with(token + "0"), "needs the token");
  expect_refused(with(token.substr(0, token.size() - 1) + (token.back() == '0' ? '1' : '0')),
                 "needs the token");
  expect_refused(with(token_text(keys_.signed_token(keys_.token(verb_set::all())))), "needs the token");
  auto client = with(token);
  ASSERT_TRUE(client) << client.error().context;
  EXPECT_TRUE((*client)->status());
  service_.reset();
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST_F(network_service, every_start_has_another_token) {
  options_.network.keys = nullptr;
  const auto token = [&] {
    serve();
    std::ifstream in(service_->start_token_path());
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  const auto first = token();
  service_.reset();
  EXPECT_NE(token(), first);
}

TEST_F(network_service, without_keys_other_machines_are_refused_at_start) {
  options_.network.keys = nullptr;
  for (const auto* at : {"0.0.0.0:0", "[::]:0", "192.0.2.1:7400"}) {
    options_.network.certificates_at = at;
    const auto started = try_serve();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, errc::permission_denied);
    EXPECT_NE(started.error().context.find("graphite keygen DIR"), std::string::npos);
    EXPECT_NE(started.error().context.find("--keys DIR"), std::string::npos);
  }
}

TEST_F(network_service, a_port_that_is_taken_is_named) {
  serve();
  const auto taken = service_->certificates_address();
  service_.reset();
  const auto holder = listen_tcp(parse_listen_address(taken).value(), 1);
  ASSERT_TRUE(holder);
  options_.network.certificates_at = taken;
  const auto started = try_serve();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::already_exists);
  EXPECT_NE(started.error().context.find(taken), std::string::npos);
}

TEST_F(network_service, keys_that_cannot_be_read_are_refused_at_start) {
  auto broken =
      test::network_keys::identity("-----BEGIN CERTIFICATE-----\n", {}, keys_.authority().certificate);
  options_.network.keys = broken;
  const auto started = try_serve();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::corrupt);
}

TEST_F(network_service, writes_down_who_changed_what_and_nothing_of_who_only_asked) {
  struct recorder final : audit_sink {
    void record(const audit_entry& entry) override { lines.push_back(entry.who + ": " + entry.what); }
    std::vector<std::string> lines;
  } audit;
  options_.audit = &audit;
  serve();
  {
    auto client = by_certificate(keys_.client({verb::query, verb::publish}));
    EXPECT_TRUE((*client)->status());
    EXPECT_TRUE((*client)->rollback("main", 1));
    EXPECT_FALSE((*client)->build({}));
  }
  {
    auto client = by_socket();
    EXPECT_TRUE((*client)->build({}));
  }
  service_.reset();
  EXPECT_EQ(audit.lines,
            (std::vector<std::string>{
                "certificate 7 of ann: rollback", "certificate 7 of ann: refused",
                "uid " + std::to_string(::geteuid()) + " (pid " + std::to_string(::getpid()) + "): build"}));
}

TEST_F(network_service, takes_new_keys_while_sessions_go_on) {
  serve();
  auto before = by_certificate(keys_.client({verb::query}));
  ASSERT_TRUE(before);
  const test::network_keys newer;
  ASSERT_TRUE(service_->use_keys(newer.service(), {newer.root().key()}));
  EXPECT_TRUE((*before)->status());
  before->reset();
  EXPECT_FALSE(by_certificate(keys_.client({verb::query})));
  auto after = by_certificate(newer.client({verb::query}));
  ASSERT_TRUE(after) << after.error().context;
  EXPECT_TRUE((*after)->status());
  after->reset();
  const auto token = test::network_keys::secret(token_text(newer.signed_token(newer.token({verb::query}))));
  EXPECT_TRUE(connect_to(service_->tokens_address(), newer.nobody(), token));
}

TEST_F(network_service, keeps_its_keys_where_new_ones_cannot_be_read) {
  serve();
  const auto broken = test::network_keys::identity("no certificate", {}, keys_.authority().certificate);
  EXPECT_EQ(service_->use_keys(broken, {}).error().code, errc::corrupt);
  EXPECT_TRUE(by_certificate(keys_.client({verb::query})));
  EXPECT_TRUE(by_token(keys_.token({verb::query})));
}

}  // namespace
}  // namespace graphite
