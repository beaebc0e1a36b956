#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/resource.h>

#include <fstream>
#include <thread>

#include "gateway/listen_address.hpp"
#include "tests/gateway/network_service_fixture.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/recording_proxy.hpp"

namespace graphite {
namespace {

using test::network_keys;
using test::raw_client;

validity next_week() {
  return {test::unix_now_ns() + 168 * test::hour_ns, test::unix_now_ns() + 300 * test::hour_ns};
}

struct hostile_client : test::network_service_fixture {
  hostile_client() { options_.hello_timeout = milliseconds(2'000); }
};

TEST_F(hostile_client, with_a_name_that_says_nothing_learns_why_and_no_more) {
  serve();
  for (const auto* name : {"ann", "graphite-server", "graphite:x:ann:7", "graphite:qbpo:ann:07"})
    expect_refused(by_certificate(keys_.client(name)), "name is none of a client");
  expect_logged("the certificate's name is none of a client");
  expect_alive();
}

TEST_F(hostile_client, whose_certificate_does_not_count_yet_is_refused) {
  serve();
  expect_refused(by_certificate(keys_.client("graphite:qbpo:ann:7", next_week())),
                 "refuses this certificate");
  expect_logged("its certificate does not count yet: compare the clocks");
  expect_alive();
}

TEST_F(hostile_client, that_is_revoked_amid_a_session_loses_the_next_call) {
  options_.network.limits.recheck_interval = milliseconds(60'000);
  serve();
  auto client = by_certificate(keys_.client(verb_set::all(), 7));
  ASSERT_TRUE((*client)->status());
  const auto before = facade_.calls();
  revoke({7});
  const auto refused = (*client)->status();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::permission_denied);
  EXPECT_NE(refused.error().context.find("revoked"), std::string::npos);
  EXPECT_EQ((*client)->stop(milliseconds(1'000)).error().code, errc::permission_denied);
  EXPECT_EQ(facade_.calls(), before);
  EXPECT_FALSE(facade_.stopped());
  expect_alive();
}

TEST_F(hostile_client, that_is_revoked_loses_its_holds_and_its_connection) {
  options_.network.limits.recheck_interval = milliseconds(20);
  serve();
  auto client = by_certificate(keys_.client(verb_set::all(), 7));
  ASSERT_TRUE((*client)->hold({}));
  ASSERT_EQ(facade_.holds_in_force(), 1u);
  revoke({7});
  EXPECT_TRUE(facade_.wait_until([&] { return facade_.holds_in_force() == 0; }));
  expect_logged("ending a session: certificate 7 of ann was revoked");
  EXPECT_TRUE(test::wait_until([&] {
    const auto answer = (*client)->status();
    return !answer && answer.error().code == errc::unavailable;
  }));
  expect_alive();
}

TEST_F(hostile_client, does_not_bring_a_revoked_key_back_by_an_older_list) {
  serve();
  revoke({7});
  revocations_->update({0, {}, {}});
  expect_refused(by_certificate(keys_.client(verb_set::all(), 7)), "revoked");
}

TEST_F(hostile_client, cannot_stay_longer_than_a_session_may) {
  options_.network.access.session_max = milliseconds(60'000);
  serve();
  auto client = by_certificate(keys_.client(verb_set::all()));
  ASSERT_TRUE((*client)->status());
  ahead_ns_ = duration(milliseconds(61'000)).count();
  const auto refused = (*client)->status();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().context.find("connect again"), std::string::npos);
}

TEST_F(hostile_client, whose_bytes_are_changed_on_the_way_is_cut_off) {
  serve();
  test::recording_proxy between(service_->certificates_address());
  auto client = connect_to(between.address(), keys_.client(verb_set::all()));
  ASSERT_TRUE(client) << client.error().context;
  ASSERT_TRUE((*client)->status());
  const auto before = facade_.calls();
  between.damage_from_now_on();
  EXPECT_FALSE((*client)->status());
  EXPECT_EQ(facade_.calls(), before);
  expect_alive();
}

TEST_F(hostile_client, that_speaks_no_tls_is_told_nothing) {
  serve();
  for (const auto& address : {service_->certificates_address(), service_->tokens_address()})
    for (const auto& garbage : {std::string(4'096, '\xff'), std::string("GET /status HTTP/1.1\r\n\r\n"),
                                std::string("\x16\x03\x01\xff\xff", 5) + std::string(70'000, 'x')}) {
      raw_client one(address);
      one.send(garbage);
      EXPECT_LE(one.read_to_end().size(), 16u);  // an alert at most
    }
  EXPECT_EQ(facade_.calls(), 0u);
  expect_logged("it speaks no TLS");
  expect_alive();
}

TEST_F(hostile_client, that_says_nothing_is_closed) {
  options_.network.limits.handshake_timeout = milliseconds(30);
  serve();
  raw_client silent(service_->certificates_address()), dripping(service_->tokens_address());
  dripping.send("\x16");
  EXPECT_EQ(silent.read_to_end(), "");
  EXPECT_EQ(dripping.read_to_end(), "");
  expect_logged("no TLS handshake in time");
  expect_alive();
}

TEST_F(hostile_client, that_shakes_hands_and_says_no_hello_is_closed) {
  options_.hello_timeout = milliseconds(30);
  options_.network.keys = nullptr;
  serve();
  raw_client silent(service_->tokens_address());
  EXPECT_EQ(silent.read_to_end(), "");
}

TEST_F(hostile_client, cannot_send_much_before_it_is_known) {
  options_.network.keys = nullptr;
  options_.network.limits.bytes_before_hello_max = 4 * KiB;
  serve();
  // One segment of 30,000 words: whole requests of that size are in order later.
  const std::string header("\0\0\0\0\x30\x75\0\0", 8);
  raw_client one(service_->tokens_address());
  one.send(header);
  one.send(std::string(8 * 30'000, '\0'));
  one.read_to_end();
  expect_logged("too many bytes before it has said who it is");
}

TEST_F(hostile_client, with_a_message_over_the_limit_loses_only_its_connection) {
  options_.request_bytes_max = 8 * KiB;
  serve();
  for (int port = 0; port < 2; ++port) {
    auto client =
        port == 0 ? by_certificate(keys_.client(verb_set::all())) : by_token(keys_.token(verb_set::all()));
    ASSERT_TRUE(client) << client.error().context;
    const auto refused = (*client)->why(std::string(64 * KiB, 'x'));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::unavailable);
  }
  EXPECT_EQ(facade_.calls(), 0u);
  expect_alive();
}

TEST_F(hostile_client, that_comes_a_thousand_times_keeps_nobody_out) {
  options_.network.limits.unauthenticated_max = 8;
  serve();
  std::vector<std::unique_ptr<raw_client>> crowd;
  for (int i = 0; i < 100; ++i)
    crowd.push_back(std::make_unique<raw_client>(i % 2 == 0 ? service_->certificates_address()
                                                            : service_->tokens_address()));
  expect_alive();
  EXPECT_TRUE(by_token(keys_.token({verb::query})));
  expect_logged("it said nothing while others came");
}

TEST_F(hostile_client, has_a_bounded_number_of_connections) {
  options_.network.limits.identities.connections_max = 1;
  serve();
  auto first = by_certificate(keys_.client({verb::query}));
  ASSERT_TRUE(first);
  std::thread([&] {
    expect_refused(by_certificate(keys_.client({verb::query})), "too many connections", errc::busy);
    EXPECT_TRUE(by_certificate(keys_.client({verb::query}, 8, "bob")));
  }).join();
  EXPECT_TRUE((*first)->status());
  first->reset();
  EXPECT_TRUE(test::wait_until([&] { return by_certificate(keys_.client({verb::query})).has_value(); }));
}

TEST_F(hostile_client, together_with_others_has_a_bounded_number_of_connections) {
  options_.network.limits.connections_max = 1;
  serve();
  auto first = by_certificate(keys_.client({verb::query}));
  ASSERT_TRUE(first);
  std::thread([&] {
    expect_refused(by_certificate(keys_.client({verb::query}, 8, "bob")), "too many clients", errc::busy);
  }).join();
  EXPECT_TRUE((*first)->status());
}

TEST_F(hostile_client, that_asks_without_end_is_slowed_down_alone) {
  options_.network.limits.identities.calls = {0.001, 3};
  serve();
  auto greedy = by_certificate(keys_.client({verb::query}));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE((*greedy)->status());
  const auto refused = (*greedy)->status();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::busy);
  greedy->reset();
  auto again = by_certificate(keys_.client({verb::query}));  // a new connection is no way out
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->status().error().code, errc::busy);
  again->reset();
  expect_alive();
}

TEST_F(hostile_client, shows_no_token_in_place_of_a_certificate) {
  serve();
  expect_refused(
      connect_to(service_->certificates_address(), keys_.nobody(),
                 network_keys::secret(token_text(keys_.signed_token(keys_.token(verb_set::all()))))),
      "--keys DIR");
}

TEST_F(hostile_client, whose_token_ends_amid_a_session_loses_the_next_call) {
  serve();
  auto client = by_token(keys_.token(verb_set::all(), 9));
  ASSERT_TRUE((*client)->status());
  ahead_ns_ = 2 * test::hour_ns;
  EXPECT_EQ((*client)->status().error().context, "token 9 of ci has expired: ask for a new one");
  client->reset();
  ahead_ns_ = 0;
  auto another = by_token(keys_.token(verb_set::all(), 10));
  ASSERT_TRUE((*another)->status());
  revoke({10});
  EXPECT_EQ((*another)->status().error().context, "token 10 of ci was revoked: ask for a new one");
}

TEST_F(hostile_client, that_pretends_to_be_the_service_is_refused_by_its_clients) {
  const network_keys other;
  options_.network.keys = other.service();
  serve();
  expect_refused(by_certificate(keys_.client(verb_set::all())), "its certificate is not of this authority");
  expect_refused(by_token(keys_.token(verb_set::all())), "its certificate is not of this authority");
}

TEST_F(hostile_client, that_pretends_with_a_clients_certificate_is_refused_by_its_clients) {
  const auto pretender =
      issue_certificate(keys_.authority(), {"graphite:qbpo:eve:6", "graphite-server", certificate_use::client,
                                            6, test::valid_for_an_hour()})
          .value();
  options_.network.keys =
      network_keys::identity(pretender.certificate, pretender.key, keys_.authority().certificate);
  serve();
  expect_refused(by_certificate(keys_.client(verb_set::all())), "certificate is for another use");
}

TEST_F(hostile_client, of_the_right_authority_but_another_name_is_no_service) {
  const auto other = issue_certificate(keys_.authority(), {"other", "other", certificate_use::server, 6,
                                                           test::valid_for_an_hour()})
                         .value();
  options_.network.keys = network_keys::identity(other.certificate, other.key, keys_.authority().certificate);
  serve();
  expect_refused(by_certificate(keys_.client(verb_set::all())), "not that of a service");
}

TEST(service_client_address, is_no_other_machine_without_keys) {
  service_client_options options;
  options.address.at = "192.0.2.1:7405";
  options.address.token = network_keys::secret("graphite-start.00");
  const auto refused = service_client::connect(std::move(options));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::permission_denied);
  EXPECT_NE(refused.error().context.find("--keys DIR"), std::string::npos);
}

/// What TLS says first; a service answers and waits for more.
std::string first_flight() {
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  const std::unique_ptr<SSL, void (*)(SSL*)> tls(SSL_new(context.get()), SSL_free);
  SSL_set_bio(tls.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_connect(tls.get());
  ERR_clear_error();
  char* text = nullptr;
  const auto size = BIO_get_mem_data(SSL_get_wbio(tls.get()), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

std::int64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::int64_t all = 0, resident = 0;
  in >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

TEST_F(hostile_client, costs_less_than_a_megabyte_before_it_is_known) {
  constexpr int crowd_size = 1'000;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const rlimit before_raise = files;
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 8'192);
  if (files.rlim_cur < 4 * crowd_size) GTEST_SKIP() << "too few open files are allowed";
  ::setrlimit(RLIMIT_NOFILE, &files);
  auto& limits = options_.network.limits;
  limits.unauthenticated_max = 2 * crowd_size;
  limits.accepts = {100'000, 100'000};
  limits.handshake_timeout = options_.hello_timeout = milliseconds(60'000);
  serve();
  expect_alive();
  const auto hello = first_flight();
  const std::string half_a_record("\x16\x03\x01\x40\x00\x01\x00\x3f\xfc", 9);
  const auto before = resident_bytes();  // what one crowd leaves is the next one's
  for (const auto& says : {std::string(), hello, half_a_record + std::string(16'000, 'x')}) {
    std::vector<std::unique_ptr<raw_client>> crowd;
    for (int i = 0; i < crowd_size; ++i) {
      crowd.push_back(std::make_unique<raw_client>(i % 2 == 0 ? service_->certificates_address()
                                                              : service_->tokens_address()));
      ASSERT_TRUE(crowd.back()->connected());
      crowd.back()->send(says);
    }
    expect_alive();  // and all before it were accepted
    const auto each = (resident_bytes() - before) / crowd_size;
    EXPECT_LT(each, 1 << 20);
    RecordProperty("bytes_per_connection_" + std::to_string(says.size()), std::to_string(each));
    std::printf("%zu bytes said: %ld bytes kept\n", says.size(), static_cast<long>(each));
  }
  service_.reset();
  ::setrlimit(RLIMIT_NOFILE, &before_raise);
}

TEST_F(hostile_client, disturbs_no_session_that_goes_on) {
  serve();
  auto good = by_certificate(keys_.client({verb::query}));
  ASSERT_TRUE((*good)->status());
  for (int round = 0; round < 20; ++round) {
    for (const auto& address : {service_->certificates_address(), service_->tokens_address()}) {
      raw_client(address).send("GET / HTTP/1.1\r\n\r\n");
      raw_client(address).send(first_flight());
      raw_client only_connects(address);
    }
    std::thread([&] { EXPECT_FALSE(by_certificate(keys_.stranger())); }).join();
    std::thread([&] { EXPECT_FALSE(by_token("graphite1.00")); }).join();
    ASSERT_TRUE((*good)->status()) << "after round " << round;
  }
}

TEST_F(hostile_client, with_an_older_tls_is_refused) {
  serve();
  for (const auto& address : {service_->certificates_address(), service_->tokens_address()})
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      raw_client socket(address);
      const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                                 SSL_CTX_free);
      SSL_CTX_set_max_proto_version(context.get(), version);
      SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
      const std::unique_ptr<SSL, void (*)(SSL*)> tls(SSL_new(context.get()), SSL_free);
      SSL_set_fd(tls.get(), socket.fd());
      EXPECT_EQ(SSL_connect(tls.get()) == 1, version == TLS1_3_VERSION);
      ERR_clear_error();
    }
  expect_logged("it speaks no TLS 1.3");
  expect_alive();
}

}  // namespace
}  // namespace graphite
