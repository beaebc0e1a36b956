#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>

#include "core/client_identity.hpp"
#include "gateway/http_server.hpp"
#include "tests/gateway/network_keys.hpp"
#include "tests/gateway/slow_crowd.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

struct free_tls {
  void operator()(SSL_CTX* it) const { SSL_CTX_free(it); }
  void operator()(SSL* it) const { SSL_free(it); }
  void operator()(SSL_SESSION* it) const { SSL_SESSION_free(it); }
  void operator()(X509* it) const { X509_free(it); }
  void operator()(EVP_PKEY* it) const { EVP_PKEY_free(it); }
  void operator()(BIO* it) const { BIO_free(it); }
};
template <class T>
using owned_tls = std::unique_ptr<T, free_tls>;

owned_tls<SSL_CTX> context_of(const tls_identity* who, int version = TLS1_3_VERSION) {
  owned_tls<SSL_CTX> out(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(out.get(), version);
  if (who == nullptr) return out;
  const auto memory = [](std::string_view text) {
    return owned_tls<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  };
  const owned_tls<X509> own(PEM_read_bio_X509(memory(who->certificate).get(), nullptr, nullptr, nullptr));
  const owned_tls<EVP_PKEY> secret(
      PEM_read_bio_PrivateKey(memory(as_text(who->key.view())).get(), nullptr, nullptr, nullptr));
  SSL_CTX_use_certificate(out.get(), own.get());
  SSL_CTX_use_PrivateKey(out.get(), secret.get());
  return out;
}

/// What TLS says first; a server answers and waits for more.
std::string first_words() {
  const auto context = context_of(nullptr);
  const owned_tls<SSL> tls(SSL_new(context.get()));
  SSL_set_bio(tls.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_connect(tls.get());
  ERR_clear_error();
  char* text = nullptr;
  const auto size = BIO_get_mem_data(SSL_get_wbio(tls.get()), &text);
  return {text, static_cast<std::size_t>(size)};
}

/// One connection of somebody to an operators' port.
class asker {
 public:
  asker(const std::string& address, SSL_CTX& context, SSL_SESSION* earlier = nullptr)
      : socket_(address), tls_(SSL_new(&context)) {
    SSL_set_fd(tls_.get(), socket_.fd());
    if (earlier != nullptr) SSL_set_session(tls_.get(), earlier);
    shaken_ = SSL_connect(tls_.get()) == 1;
    ERR_clear_error();
  }

  /// The answer, or nothing where TLS refuses.
  std::string get(const std::string& path) {
    if (!shaken_) return {};
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: studio.example\r\nConnection: close\r\n\r\n";
    SSL_write(tls_.get(), request.data(), static_cast<int>(request.size()));
    std::string out;
    char buffer[4096];
    for (int size; (size = SSL_read(tls_.get(), buffer, sizeof buffer)) > 0;)
      out.append(buffer, static_cast<std::size_t>(size));
    ERR_clear_error();
    return out;
  }
  owned_tls<SSL_SESSION> session() const { return owned_tls<SSL_SESSION>(SSL_get1_session(tls_.get())); }

 private:
  test::raw_client socket_;
  owned_tls<SSL> tls_;
  bool shaken_ = false;
};

/// An operators' port with keys, whose /status is for who may query.
struct operators_port : testing::Test {
  operators_port() {
    ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to ports that have closed
    options.port = 0;
    options.keys = keys.service();
    options.may_ask = [this](const http_peer& who) { return grant_of(who).map([](const access_grant&) {}); };
    options.may_see_status = [this](const http_peer& who) -> result<void> {
      GRAPHITE_TRY(const auto grant, grant_of(who));
      return policy.permits(grant, verb::query, *revoked.now(), 0);
    };
  }

  result<access_grant> grant_of(const http_peer& who) const {
    return policy.by_certificate(who.common_name, *revoked.now(), 0);
  }
  void serve() {
    auto started = http_server::start({[this] { return metrics; }, [] { return true; },
                                       [](const reply<std::string>& done) { done("{\"a\":1}"); }},
                                      options, log);
    ASSERT_TRUE(started) << started.error().context;
    server = std::move(*started);
  }
  std::string get(const std::string& path, const tls_identity* who, int version = TLS1_3_VERSION) const {
    const auto context = context_of(who, version);
    return asker(server->address(), *context).get(path);
  }
  void expect_served() const {
    EXPECT_NE(get("/metrics", keys.client({verb::query}, 1'000, "witness").get()).find("a_total 1"),
              std::string::npos);
  }
  void expect_logged(const std::string& text) const {
    EXPECT_TRUE(test::wait_until([&] { return log.contains(text); })) << text;
  }
  /// Is shown nothing, for a reason that the log has.
  void expect_refused(const std::string& reason, const tls_identity* who,
                      int version = TLS1_3_VERSION) const {
    for (const auto* path : {"/metrics", "/healthz", "/readyz", "/status"})
      EXPECT_EQ(get(path, who, version), "") << reason;
    expect_logged("operators' port: refused a client at 127.0.0.1");
    expect_logged(reason);
  }

  test::network_keys keys;
  ed25519_verifier verifier;
  access_policy policy{{}, verifier};
  live_revocations revoked;
  test::recording_log log;
  std::string metrics = "a_total 1\n";
  http_server_options options;
  std::unique_ptr<http_server> server;
};

TEST_F(operators_port, shows_an_operator_everything) {
  serve();
  const auto ann = keys.client({verb::query});
  EXPECT_NE(get("/status", ann.get()).find("{\"a\":1}"), std::string::npos);
  EXPECT_NE(get("/metrics", ann.get()).find("a_total 1"), std::string::npos);
}

TEST_F(operators_port, shows_more_than_a_record_of_tls_holds) {
  for (int i = 0; i < 100'000; ++i) metrics += "line " + std::to_string(i) + "\n";
  serve();
  const auto answer = get("/metrics", keys.client({verb::query}).get());
  EXPECT_TRUE(answer.ends_with(metrics)) << answer.size();
}

TEST_F(operators_port, shows_nothing_without_a_certificate) {
  serve();
  expect_refused("it shows no certificate", nullptr);
  expect_served();
}

TEST_F(operators_port, shows_nothing_to_whom_another_authority_vouches_for) {
  serve();
  const test::network_keys other;
  expect_refused("its certificate is not of this authority", other.client({verb::query}).get());
  expect_served();
}

TEST_F(operators_port, shows_nothing_to_a_server) {
  serve();
  const auto server_as_client =
      keys.client("graphite:q:ann:7", test::valid_for_an_hour(), certificate_use::server);
  expect_refused("its certificate is for another use", server_as_client.get());
  expect_served();
}

TEST_F(operators_port, shows_nothing_outside_of_a_certificates_time) {
  serve();
  const auto now = test::unix_now_ns();
  expect_refused("its certificate has expired",
                 keys.client("graphite:q:ann:7", {now - 2 * test::hour_ns, now - test::hour_ns}).get());
  expect_refused("its certificate does not count yet",
                 keys.client("graphite:q:ann:7", {now + test::hour_ns, now + 2 * test::hour_ns}).get());
  expect_served();
}

TEST_F(operators_port, speaks_no_older_tls) {
  serve();
  expect_refused("it speaks no TLS 1.3", keys.client({verb::query}).get(), TLS1_2_VERSION);
  expect_served();
}

TEST_F(operators_port, says_why_the_status_is_kept) {
  serve();
  const auto builder = keys.client({verb::build});
  EXPECT_NE(get("/status", builder.get()).find("may build, and this needs query"), std::string::npos);
  EXPECT_NE(get("/metrics", builder.get()).find("a_total 1"), std::string::npos);
  EXPECT_NE(get("/metrics", keys.client("someone").get()).find("name is none of a client"),
            std::string::npos);
  expect_logged("name is none of a client");
}

TEST_F(operators_port, shows_a_revoked_operator_nothing_from_the_next_request_on) {
  serve();
  const auto ann = keys.client({verb::query}, 7);
  const auto context = context_of(ann.get());
  asker amid_a_connection(server->address(), *context);
  EXPECT_NE(get("/metrics", ann.get()).find("a_total 1"), std::string::npos);
  revoked.update({1, {7}, {}});
  for (const auto& answer : {amid_a_connection.get("/metrics"), get("/healthz", ann.get())}) {
    EXPECT_NE(answer.find("403"), std::string::npos) << answer;
    EXPECT_NE(answer.find("certificate 7 of ann was revoked"), std::string::npos) << answer;
  }
  expect_logged("certificate 7 of ann was revoked");
  expect_served();
}

TEST_F(operators_port, tells_a_plain_request_nothing) {
  serve();
  test::raw_client plain(server->address());
  plain.send("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(plain.read_to_end().find("HTTP"), std::string::npos);
  expect_logged("it speaks no TLS");
}

TEST_F(operators_port, answers_who_remembers_an_earlier_session) {
  serve();
  const auto context = context_of(keys.client({verb::query}).get());
  asker first(server->address(), *context);
  EXPECT_NE(first.get("/metrics"), "");
  const auto session = first.session();
  EXPECT_NE(asker(server->address(), *context, session.get()).get("/metrics"), "");
}

TEST_F(operators_port, takes_new_keys_while_it_runs) {
  serve();
  const auto before = keys.client({verb::query});
  const auto context = context_of(before.get());
  asker amid_a_connection(server->address(), *context);
  const test::network_keys newer;
  ASSERT_TRUE(server->use_keys(*newer.service()));
  expect_refused("its certificate is not of this authority", before.get());
  EXPECT_NE(get("/metrics", newer.client({verb::query}).get()).find("a_total 1"), std::string::npos);
  EXPECT_NE(amid_a_connection.get("/metrics").find("a_total 1"), std::string::npos);
}

TEST_F(operators_port, keeps_its_keys_where_new_ones_cannot_be_read) {
  serve();
  const auto broken = test::network_keys::identity("no certificate", {}, keys.authority().certificate);
  EXPECT_EQ(server->use_keys(*broken).error().code, errc::corrupt);
  const auto no_authority =
      test::network_keys::identity(keys.service()->certificate, keys.service()->key, "");
  EXPECT_EQ(server->use_keys(*no_authority).error().code, errc::corrupt);
  expect_served();
  options.keys = broken;
  EXPECT_EQ(http_server::start({}, options, log).error().code, errc::corrupt);
}

TEST_F(operators_port, is_kept_from_nobody_by_a_thousand_who_speak_tls_slowly) {
  if (!test::slow_crowd::allowed()) GTEST_SKIP() << "too few open files are allowed";
  options.limits.handshake_timeout = milliseconds(60'000);
  serve();
  const auto hello = first_words();
  const std::string half_a_record =
      std::string("\x16\x03\x01\x40\x00\x01\x00\x3f\xfc", 9) + std::string(9'000, 'x');
  const std::vector<std::string> beginnings = {"", hello.substr(0, 1), hello.substr(0, 100), hello,
                                               half_a_record};
  const test::slow_crowd crowd(server->address(), beginnings);
  for (int i = 0; i < 10; ++i) expect_served();
  const test::slow_crowd another(server->address(), beginnings);
  expect_served();
  expect_logged("it was slow while others came");
}

TEST_F(operators_port, is_kept_from_nobody_by_operators_who_ask_nothing) {
  options.limits.request_timeout = milliseconds(60'000);
  options.limits.proved_max = 8;
  serve();
  const auto context = context_of(keys.client({verb::query}).get());
  std::vector<std::unique_ptr<asker>> silent;
  for (int i = 0; i < 16; ++i) silent.push_back(std::make_unique<asker>(server->address(), *context));
  expect_served();
  expect_logged("it was slow while others came");
}

TEST_F(operators_port, bounds_the_connections_of_one_certificate) {
  options.limits.request_timeout = milliseconds(60'000);
  options.limits.identities.connections_max = 2;
  serve();
  const auto context = context_of(keys.client({verb::query}).get());
  std::vector<std::unique_ptr<asker>> silent;
  for (int i = 0; i < 2; ++i) silent.push_back(std::make_unique<asker>(server->address(), *context));
  EXPECT_TRUE(test::wait_until([&] {
    const auto answer = asker(server->address(), *context).get("/metrics");
    return answer.find("503") != answer.npos && answer.find("too many connections") != answer.npos;
  }));
  expect_served();
  silent.clear();
  EXPECT_TRUE(test::wait_until([&] {
    return asker(server->address(), *context).get("/metrics").find("a_total 1") != std::string::npos;
  }));
}

TEST_F(operators_port, closes_who_shakes_no_hands_in_time) {
  options.limits.handshake_timeout = milliseconds(30);
  serve();
  test::raw_client silent(server->address()), dripping(server->address());
  dripping.send("\x16");
  EXPECT_EQ(silent.read_to_end(), "");
  EXPECT_EQ(dripping.read_to_end(), "");
  expect_logged("no TLS handshake in time");
  expect_served();
}

TEST_F(operators_port, reads_no_endless_handshake) {
  options.limits.request_bytes_max = 8 * KiB;
  serve();
  test::raw_client endless(server->address());
  const std::string record("\x16\x03\x01\x40\0", 5);
  endless.send(record + std::string("\x01\xff\xff\xff\x03\x03", 6) + std::string(16 * KiB - 6, '\0'));
  endless.read_to_end();
  expect_logged("its request is too long");
  expect_served();
}

}  // namespace
}  // namespace graphite
