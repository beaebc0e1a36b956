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

result<void> use_pair(SSL_CTX& context, std::string_view certificate, const secret_bytes& key) {
  const auto own = certificate_of(certificate);
  const auto secret = secret_of(key.view());
  if (own && secret && SSL_CTX_use_certificate(&context, own.get()) == 1 &&
      SSL_CTX_use_PrivateKey(&context, secret.get()) == 1 && SSL_CTX_check_private_key(&context) == 1)
    return {};
  ERR_clear_error();  // its text may quote the file
  return fail(errc::corrupt, "the server's certificate or key for TLS cannot be read: make them anew");
}

result<void> use_authority(SSL_CTX& context, std::string_view authority) {
  const auto trusted = certificate_of(authority);
  if (!trusted || X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), trusted.get()) != 1) {
    ERR_clear_error();
    return fail(errc::corrupt, "the authority for TLS cannot be read");
  }
  if (SSL_CTX_add_client_CA(&context, trusted.get()) != 1) return openssl_refused("cannot prepare TLS");
  return {};
}

/// The first of the library's reasons, of which the others follow. Empties its queue.
std::string first_reason() {
  const char* const text = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return text != nullptr ? text : "TLS failed without a reason";
}

/// What a call that was not done says: more has to come, or why it never will be done.
result<bool> not_done(const SSL& tls, int outcome) {
  if (SSL_get_error(&tls, outcome) == SSL_ERROR_WANT_READ) return false;
  return fail(errc::corrupt, first_reason());
}

}  // namespace

void tls_session::free_session::operator()(ssl_st* it) const { SSL_free(it); }

void tls_session::take(byte_span came) {
  // Memory takes all of it, or there is none.
  const int taken = BIO_write(SSL_get_rbio(tls_.get()), came.data(), static_cast<int>(came.size()));
  GRAPHITE_INVARIANT(taken == static_cast<int>(came.size()));
}

byte_vector tls_session::give() {
  BIO* const from = SSL_get_wbio(tls_.get());
  byte_vector out(BIO_ctrl_pending(from));
  if (!out.empty()) BIO_read(from, out.data(), static_cast<int>(out.size()));
  return out;
}

result<bool> tls_session::shake_hands() {
  ERR_clear_error();
  const int outcome = SSL_accept(tls_.get());
  if (outcome == 1) return true;
  const auto told = not_done(*tls_, outcome);
  if (const auto verified = SSL_get_verify_result(tls_.get()); !told && verified != X509_V_OK)
    return fail(errc::permission_denied, X509_verify_cert_error_string(verified));
  return told;
}

result<std::optional<std::size_t>> tls_session::read(std::span<std::byte> into) {
  ERR_clear_error();
  std::size_t got = 0;
  const int outcome = SSL_read_ex(tls_.get(), into.data(), into.size(), &got);
  if (outcome == 1) return got;
  if (SSL_get_error(tls_.get(), outcome) == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
  GRAPHITE_CHECK(not_done(*tls_, outcome));
  return std::nullopt;
}

result<void> tls_session::write(byte_span what) {
  if (what.empty()) return {};
  ERR_clear_error();
  std::size_t taken = 0;
  if (SSL_write_ex(tls_.get(), what.data(), what.size(), &taken) == 1) return {};
  return fail(errc::corrupt, first_reason());
}

void tls_session::end() {
  SSL_shutdown(tls_.get());
  ERR_clear_error();
}

std::string tls_session::peer_common_name() const {
  const openssl_owned<X509> shown(SSL_get1_peer_certificate(tls_.get()));
  if (!shown) return {};
  char name[256] = {};
  const auto size =
      X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, name, sizeof name);
  return size > 0 ? std::string(name, static_cast<std::size_t>(size)) : std::string();
}

void tls_server::free_context::operator()(ssl_ctx_st* it) const { SSL_CTX_free(it); }

result<std::shared_ptr<const tls_server>> tls_server::make(std::string_view certificate,
                                                           const secret_bytes& key,
                                                           std::string_view authority) {
  std::shared_ptr<tls_server> out(new tls_server(SSL_CTX_new(TLS_server_method())));
  SSL_CTX* const context = out->context_.get();
  if (context == nullptr) return openssl_refused("cannot prepare TLS");
  GRAPHITE_CHECK(use_pair(*context, certificate, key));
  GRAPHITE_CHECK(use_authority(*context, authority));
  if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 || SSL_CTX_set_num_tickets(context, 0) != 1)
    return openssl_refused("cannot prepare TLS");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return out;
}

result<tls_session> tls_server::begin() const {
  tls_session out(SSL_new(context_.get()));
  openssl_owned<BIO> came(BIO_new(BIO_s_mem())), goes(BIO_new(BIO_s_mem()));
  if (!out.tls_ || !came || !goes) return openssl_refused("cannot begin TLS");
  SSL_set_bio(out.tls_.get(), came.release(), goes.release());
  SSL_set_accept_state(out.tls_.get());
  return out;
}

}  // namespace graphite
