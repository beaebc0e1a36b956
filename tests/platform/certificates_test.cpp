#include "platform/crypto/certificates.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "platform/crypto/openssl_owned.hpp"

namespace graphite {
namespace {

constexpr std::int64_t day_ns = 86'400'000'000'000;

struct certificates : testing::Test {
  std::int64_t now = static_cast<std::int64_t>(::time(nullptr)) * 1'000'000'000;
  validity valid{now - day_ns, now + 30 * day_ns};
  certificate_pair authority = make_authority({"clients", {}, certificate_use::authority, 1, valid}).value();

  certificate_pair issue(certificate_use use, validity when) const {
    const std::string host(use == certificate_use::server ? tls_server_name : "");
    return issue_certificate(authority, {"some name", host, use, 77, when}).value();
  }

  static openssl_owned<X509> parse(const std::string& pem) {
    const openssl_owned<BIO> from(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    return openssl_owned<X509>(PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr));
  }

  /// As a TLS peer looks at it: X509_V_OK or what is wrong.
  static int look(const std::string& trusted, const std::string& shown, int purpose,
                  const char* host = nullptr) {
    const auto root = parse(trusted), leaf = parse(shown);
    X509_STORE* const store = X509_STORE_new();
    X509_STORE_add_cert(store, root.get());
    X509_STORE_CTX* const context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, leaf.get(), nullptr);
    X509_STORE_CTX_set_purpose(context, purpose);
    if (host != nullptr) X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context), host, 0);
    X509_verify_cert(context);
    const int out = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    return out;
  }
};

TEST_F(certificates, count_for_their_use_alone) {
  const auto server = issue(certificate_use::server, valid), client = issue(certificate_use::client, valid);
  const auto& root = authority.certificate;
  EXPECT_EQ(look(root, server.certificate, X509_PURPOSE_SSL_SERVER, "graphite-server"), X509_V_OK);
  EXPECT_EQ(look(root, server.certificate, X509_PURPOSE_SSL_SERVER, "other"), X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(look(root, client.certificate, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
  EXPECT_EQ(look(root, client.certificate, X509_PURPOSE_SSL_SERVER), X509_V_ERR_INVALID_PURPOSE);
  EXPECT_EQ(look(root, server.certificate, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_INVALID_PURPOSE);
}

TEST_F(certificates, of_another_authority_or_time_do_not_count) {
  const auto other = make_authority({"clients", {}, certificate_use::authority, 2, valid}).value();
  const auto client = issue(certificate_use::client, valid);
  EXPECT_NE(look(other.certificate, client.certificate, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
  const auto old = issue(certificate_use::client, {now - 2 * day_ns, now - day_ns});
  EXPECT_EQ(look(authority.certificate, old.certificate, X509_PURPOSE_SSL_CLIENT),
            X509_V_ERR_CERT_HAS_EXPIRED);
}

/// What a client's certificate signs is trusted by nobody.
TEST_F(certificates, at_the_ends_of_chains_sign_nothing) {
  const auto client = issue(certificate_use::client, valid);
  const auto forged = issue_certificate(client, {"forged", {}, certificate_use::client, 3, valid}).value();
  EXPECT_NE(look(authority.certificate, forged.certificate, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
}

TEST_F(certificates, tell_what_they_are) {
  const auto client = read_certificate(issue(certificate_use::client, valid).certificate).value();
  EXPECT_EQ(client.common_name, "some name");
  EXPECT_EQ(client.serial, 77u);
  EXPECT_EQ(client.until_unix_ns, valid.until_unix_ns);
  EXPECT_FALSE(client.authority);
  EXPECT_TRUE(read_certificate(authority.certificate).value().authority);
  EXPECT_EQ(read_certificate("-----BEGIN CERTIFICATE-----").error().code, errc::corrupt);
}

TEST_F(certificates, that_cannot_be_are_refused) {
  certificate_request request{"x", {}, certificate_use::client, 1, valid};
  request.common_name.assign(65, 'x');
  EXPECT_EQ(issue_certificate(authority, request).error().code, errc::invalid_argument);
  request.common_name = "x";
  request.host = "a,DNS:b";
  EXPECT_EQ(issue_certificate(authority, request).error().code, errc::invalid_argument);
  request.host.clear();
  const certificate_pair mixed{authority.certificate, issue(certificate_use::client, valid).key.copy()};
  EXPECT_EQ(issue_certificate(mixed, request).error().code, errc::corrupt);
  EXPECT_EQ(ERR_peek_error(), 0u);
}

}  // namespace
}  // namespace graphite
