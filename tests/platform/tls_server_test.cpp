#include "platform/crypto/tls_server.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <chrono>

#include "core/units.hpp"
#include "platform/crypto/certificates.hpp"

namespace graphite {
namespace {

validity around_now(std::int64_t from_hours = -1, std::int64_t until_hours = 1) {
  constexpr std::int64_t hour_ns = 3'600'000'000'000;
  const auto now = duration(std::chrono::system_clock::now().time_since_epoch()).count();
  return {now + from_hours * hour_ns, now + until_hours * hour_ns};
}

certificate_pair authority_named(const std::string& name) {
  return make_authority({name, "", certificate_use::authority, 1, around_now()}).value();
}

/// The other side, over memory.
class memory_client {
 public:
  explicit memory_client(const certificate_pair* own) : context_(SSL_CTX_new(TLS_client_method())) {
    if (own != nullptr) use(*own);
    tls_ = SSL_new(context_);
    SSL_set_bio(tls_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(tls_);
  }
  memory_client(const memory_client&) = delete;
  memory_client& operator=(const memory_client&) = delete;
  ~memory_client() {
    SSL_free(tls_);
    SSL_CTX_free(context_);
    ERR_clear_error();
  }

  /// Hands are shaken as far as that goes; what the server says of it last.
  result<bool> shake_hands_with(tls_session& server) {
    result<bool> out = false;
    for (int turn = 0; turn < 4; ++turn) {
      SSL_do_handshake(tls_);
      ERR_clear_error();
      send_to(server);
      out = server.shake_hands();
      hear(server.give());
      if (!out || *out) break;
    }
    SSL_do_handshake(tls_);
    return out;
  }
  void say(std::string_view text) { SSL_write(tls_, text.data(), static_cast<int>(text.size())); }
  void send_to(tls_session& server) {
    const auto bytes = waiting();
    if (!bytes.empty()) server.take(bytes);
  }
  byte_vector waiting() {
    byte_vector out(BIO_ctrl_pending(SSL_get_wbio(tls_)));
    BIO_read(SSL_get_wbio(tls_), out.data(), static_cast<int>(out.size()));
    return out;
  }
  void hear(byte_span bytes) { BIO_write(SSL_get_rbio(tls_), bytes.data(), static_cast<int>(bytes.size())); }
  std::string heard() {
    char buffer[1'024];
    const int size = SSL_read(tls_, buffer, sizeof buffer);
    return size > 0 ? std::string(buffer, static_cast<std::size_t>(size)) : std::string();
  }
  bool was_told_the_end() const { return (SSL_get_shutdown(tls_) & SSL_RECEIVED_SHUTDOWN) != 0; }
  bool can_resume() const { return SSL_SESSION_is_resumable(SSL_get0_session(tls_)) == 1; }
  void leave() { SSL_shutdown(tls_); }

 private:
  void use(const certificate_pair& own) {
    BIO* const certificate =
        BIO_new_mem_buf(own.certificate.data(), static_cast<int>(own.certificate.size()));
    const auto secret = as_text(own.key.view());
    BIO* const key = BIO_new_mem_buf(secret.data(), static_cast<int>(secret.size()));
    X509* const shown = PEM_read_bio_X509(certificate, nullptr, nullptr, nullptr);
    EVP_PKEY* const proof = PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context_, shown);
    SSL_CTX_use_PrivateKey(context_, proof);
    EVP_PKEY_free(proof);
    X509_free(shown);
    BIO_free(key);
    BIO_free(certificate);
  }

  SSL_CTX* context_;
  SSL* tls_;
};

struct tls_server_of_memory : testing::Test {
  certificate_pair client(validity valid = around_now(),
                          certificate_use use = certificate_use::client) const {
    return issue_certificate(authority, {"ann", "", use, 7, valid}).value();
  }
  /// Why this certificate is refused; empty: it is not.
  std::string refusal_of(const certificate_pair* own) const {
    auto session = server->begin().value();
    memory_client other(own);
    const auto shaken = other.shake_hands_with(session);
    return shaken ? "" : shaken.error().context;
  }

  const certificate_pair authority = authority_named("operators");
  const certificate_pair own =
      issue_certificate(authority, {std::string(tls_server_name), std::string(tls_server_name),
                                    certificate_use::server, 2, around_now()})
          .value();
  const std::shared_ptr<const tls_server> server =
      tls_server::make(own.certificate, own.key, authority.certificate).value();
};

TEST_F(tls_server_of_memory, hears_and_answers_whom_its_authority_knows) {
  auto session = server->begin().value();
  const auto ann = client();
  memory_client other(&ann);
  const auto shaken = other.shake_hands_with(session);
  ASSERT_TRUE(shaken) << shaken.error().context;
  ASSERT_TRUE(*shaken);
  EXPECT_EQ(session.peer_common_name(), "ann");
  byte_vector into(64);
  EXPECT_EQ(session.read(into).value(), std::nullopt);
  other.say("how are you?");
  other.send_to(session);
  ASSERT_EQ(session.read(into).value(), 12u);
  EXPECT_EQ(as_text(byte_span(into).first(12)), "how are you?");
  ASSERT_TRUE(session.write(as_bytes("well")));
  session.end();
  other.hear(session.give());
  EXPECT_EQ(other.heard(), "well");
  EXPECT_EQ(other.heard(), "");
  EXPECT_TRUE(other.was_told_the_end());
  other.leave();
  other.send_to(session);
  EXPECT_EQ(session.read(into).value(), 0u);
}

TEST_F(tls_server_of_memory, offers_no_session_for_later) {
  auto session = server->begin().value();
  const auto ann = client();
  memory_client other(&ann);
  ASSERT_TRUE(other.shake_hands_with(session));
  ASSERT_TRUE(session.write(as_bytes("x")));
  other.hear(session.give());
  EXPECT_EQ(other.heard(), "x");
  EXPECT_FALSE(other.can_resume());
}

TEST_F(tls_server_of_memory, says_why_a_certificate_does_not_count) {
  const auto good = client();
  EXPECT_EQ(refusal_of(&good), "");
  EXPECT_NE(refusal_of(nullptr).find("did not return a certificate"), std::string::npos);
  const auto late = client(around_now(-2, -1)), early = client(around_now(1, 2));
  EXPECT_EQ(refusal_of(&late), "certificate has expired");
  EXPECT_EQ(refusal_of(&early), "certificate is not yet valid");
  const auto server_as_client = client(around_now(), certificate_use::server);
  EXPECT_NE(refusal_of(&server_as_client).find("purpose"), std::string::npos);
  const auto by = [](const certificate_pair& issuer) {
    return issue_certificate(issuer, {"ann", "", certificate_use::client, 7, around_now()}).value();
  };
  const auto of_others = by(authority_named("others")), of_a_namesake = by(authority_named("operators"));
  EXPECT_EQ(refusal_of(&of_others), "unable to get local issuer certificate");
  EXPECT_EQ(refusal_of(&of_a_namesake), "certificate signature failure");
}

TEST_F(tls_server_of_memory, tells_garbage_from_tls) {
  for (const auto* garbage : {"GET / HTTP/1.1\r\n\r\n", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    auto session = server->begin().value();
    session.take(as_bytes(garbage));
    const auto shaken = session.shake_hands();
    ASSERT_FALSE(shaken);
    EXPECT_EQ(shaken.error().code, errc::corrupt);
    session.give();
    EXPECT_FALSE(session.write(as_bytes("x")));
  }
}

TEST_F(tls_server_of_memory, notices_changed_bytes) {
  auto session = server->begin().value();
  const auto ann = client();
  memory_client other(&ann);
  ASSERT_TRUE(other.shake_hands_with(session));
  other.say("how are you?");
  auto bytes = other.waiting();
  bytes.back() ^= std::byte{1};
  session.take(bytes);
  byte_vector into(64);
  EXPECT_EQ(session.read(into).error().code, errc::corrupt);
}

TEST_F(tls_server_of_memory, refuses_texts_that_are_no_keys) {
  const auto other = client();
  EXPECT_EQ(tls_server::make("", own.key, authority.certificate).error().code, errc::corrupt);
  EXPECT_EQ(tls_server::make(own.certificate, {}, authority.certificate).error().code, errc::corrupt);
  EXPECT_EQ(tls_server::make(own.certificate, other.key, authority.certificate).error().code, errc::corrupt);
  EXPECT_EQ(tls_server::make(own.certificate, own.key, "").error().code, errc::corrupt);
}

}  // namespace
}  // namespace graphite
