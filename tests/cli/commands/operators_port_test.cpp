#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "cli/http_server.hpp"
#include "core/client_identity.hpp"
#include "gateway/access_policy.hpp"
#include "tests/gateway/network_keys.hpp"
#include "tests/support/raw_client.hpp"

namespace graphite {
namespace {

/// An operators' port with keys, whose /status is for who may query.
struct operators_port : testing::Test {
  void SetUp() override {
    http_server_options options;
    options.port = 0;
    options.keys = keys.service();
    options.may_see_status = [this](const http_peer& who) -> result<void> {
      GRAPHITE_TRY(const auto grant, policy.by_certificate(who.common_name, revoked, 0));
      return policy.permits(grant, verb::query, revoked, 0);
    };
    auto started = http_server::start({[] { return std::string("a_total 1\n"); }, [] { return true; },
                                       []() -> result<std::string> { return "{\"a\":1}"; }},
                                      options);
    ASSERT_TRUE(started) << started.error().context;
    server = std::move(*started);
  }

  /// The answer, or nothing where TLS refuses.
  std::string get(const std::string& path, const tls_identity* who, int version = TLS1_3_VERSION) {
    test::raw_client socket(server->address());
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                               SSL_CTX_free);
    SSL_CTX_set_max_proto_version(context.get(), version);
    if (who != nullptr) {
      const auto memory = [](std::string_view text) {
        return std::unique_ptr<BIO, int (*)(BIO*)>(
            BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
      };
      const std::unique_ptr<X509, void (*)(X509*)> own(
          PEM_read_bio_X509(memory(who->certificate).get(), nullptr, nullptr, nullptr), X509_free);
      const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> secret(
          PEM_read_bio_PrivateKey(memory(as_text(who->key.view())).get(), nullptr, nullptr, nullptr),
          EVP_PKEY_free);
      SSL_CTX_use_certificate(context.get(), own.get());
      SSL_CTX_use_PrivateKey(context.get(), secret.get());
    }
    const std::unique_ptr<SSL, void (*)(SSL*)> tls(SSL_new(context.get()), SSL_free);
    SSL_set_fd(tls.get(), socket.fd());
    std::string out;
    if (SSL_connect(tls.get()) == 1) {
      const std::string request =
          "GET " + path + " HTTP/1.1\r\nHost: studio.example\r\nConnection: close\r\n\r\n";
      SSL_write(tls.get(), request.data(), static_cast<int>(request.size()));
      char buffer[4096];
      for (int size; (size = SSL_read(tls.get(), buffer, sizeof buffer)) > 0;)
        out.append(buffer, static_cast<std::size_t>(size));
    }
    ERR_clear_error();
    return out;
  }

  test::network_keys keys;
  ed25519_verifier verifier;
  access_policy policy{{}, verifier};
  revocations_statement revoked;
  std::unique_ptr<http_server> server;
};

TEST_F(operators_port, shows_an_operator_everything) {
  const auto ann = keys.client({verb::query});
  EXPECT_NE(get("/status", ann.get()).find("{\"a\":1}"), std::string::npos);
  EXPECT_NE(get("/metrics", ann.get()).find("a_total 1"), std::string::npos);
}

TEST_F(operators_port, shows_nothing_without_a_certificate_of_its_authority) {
  const test::network_keys other;
  const auto stranger = other.client({verb::query});
  const auto server_as_client =
      keys.client("graphite:q:ann:7", test::valid_for_an_hour(), certificate_use::server);
  const auto expired = keys.client("graphite:q:ann:7", {1'000'000'000, 2'000'000'000});
  for (const auto* path : {"/metrics", "/healthz", "/readyz", "/status"}) {
    EXPECT_EQ(get(path, nullptr), "");
    EXPECT_EQ(get(path, stranger.get()), "");
    EXPECT_EQ(get(path, server_as_client.get()), "");
    EXPECT_EQ(get(path, expired.get()), "");
    EXPECT_EQ(get(path, keys.client({verb::query}).get(), TLS1_2_VERSION), "");
  }
  EXPECT_NE(get("/healthz", keys.client({verb::query}).get()), "");
}

TEST_F(operators_port, says_why_the_status_is_kept) {
  EXPECT_NE(get("/status", keys.client({verb::build}).get()).find("may build, and this needs query"),
            std::string::npos);
  EXPECT_NE(get("/status", keys.client("someone").get()).find("name is none of a client"), std::string::npos);
  revoked.serials = {7};
  const auto answer = get("/status", keys.client({verb::query}, 7).get());
  EXPECT_NE(answer.find("403"), std::string::npos);
  EXPECT_NE(answer.find("was revoked"), std::string::npos);
}

TEST_F(operators_port, tells_a_plain_request_nothing) {
  test::raw_client plain(server->address());
  plain.send("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(plain.read_to_end().find("HTTP"), std::string::npos);
}

TEST(http_server_without_keys, may_ask_for_a_bearer) {
  http_server_options options;
  options.port = 0;
  options.may_see_status = [](const http_peer& who) -> result<void> {
    if (who.bearer == "right") return {};
    return fail(errc::permission_denied, "show the token");
  };
  const auto server = http_server::start(
      {[] { return std::string(); }, [] { return true; }, []() -> result<std::string> { return "{}"; }},
      options);
  const auto ask = [&](const std::string& header) {
    test::raw_client one((*server)->address());
    one.send("GET /status HTTP/1.1\r\nHost: localhost\r\n" + header + "Connection: close\r\n\r\n");
    return one.read_to_end();
  };
  EXPECT_NE(ask("").find("show the token"), std::string::npos);
  EXPECT_NE(ask("Authorization: Bearer wrong\r\n").find("403"), std::string::npos);
  EXPECT_NE(ask("Authorization: Bearer right\r\n").find("200"), std::string::npos);
}

}  // namespace
}  // namespace graphite
