#include "platform/crypto/tls_server.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "platform/crypto/openssl_owned.hpp"

namespace graphite {

namespace {

openssl_owned<BIO> memory_of(std::string_view text) {
  return openssl_owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

openssl_owned<X509> certificate_of(std::string_view pem) {
  const auto from = memory_of(pem);
  return openssl_owned<X509>(from ? PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr) : nullptr);
}

openssl_owned<EVP_PKEY> secret_of(byte_span pem) {
  const auto from = memory_of(as_text(pem));
  const auto no_password = [](char*, int, int, void*) { return -1; };
  return openssl_owned<EVP_PKEY>(from ? PEM_read_bio_PrivateKey(from.get(), nullptr, no_password, nullptr)
                                      : nullptr);
}

result<void> use_pair(ssl_ctx_st& context, std::string_view certificate, const secret_bytes& key) {
  const auto own = certificate_of(certificate);
  const auto secret = secret_of(key.view());
  if (own && secret && SSL_CTX_use_certificate(&context, own.get()) == 1 &&
      SSL_CTX_use_PrivateKey(&context, secret.get()) == 1 && SSL_CTX_check_private_key(&context) == 1)
    return {};
  ERR_clear_error();  // its text may quote the file
  return fail(errc::corrupt, "the server's certificate or key for TLS cannot be read: make them anew");
}

}  // namespace

result<void> configure_tls_server(ssl_ctx_st& context, std::string_view certificate, const secret_bytes& key,
                                  std::string_view authority) {
  GRAPHITE_CHECK(use_pair(context, certificate, key));
  const auto trusted = certificate_of(authority);
  if (!trusted || X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), trusted.get()) != 1) {
    ERR_clear_error();
    return fail(errc::corrupt, "the authority for TLS cannot be read");
  }
  if (SSL_CTX_set_min_proto_version(&context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_add_client_CA(&context, trusted.get()) != 1 || SSL_CTX_set_num_tickets(&context, 0) != 1)
    return openssl_refused("cannot prepare TLS");
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

std::string peer_common_name(const ssl_st& connection) {
  const openssl_owned<X509> shown(SSL_get1_peer_certificate(&connection));
  if (!shown) return {};
  char name[256] = {};
  const auto size =
      X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, name, sizeof name);
  return size > 0 ? std::string(name, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace graphite
