#include "gateway/tls_context.hpp"

#include <strings.h>

#include "platform/crypto/tls_reasons.hpp"

namespace graphite {

namespace {

constexpr const char* no_cipher_before_tls_1_3 = "PSK-AES128-GCM-SHA256";

kj::Own<kj::TlsContext> tls_context(const tls_identity& keys, bool verify_clients) {
  kj::TlsContext::Options options;
  options.useSystemTrustStore = false;
  options.verifyClients = verify_clients;
  options.minVersion = kj::TlsVersion::TLS_1_2;
  options.cipherList = no_cipher_before_tls_1_3;
  const kj::TlsCertificate authority[] = {kj::TlsCertificate(kj::StringPtr(keys.authority.c_str()))};
  options.trustedCertificates = authority;
  if (keys.certificate.empty()) return kj::heap<kj::TlsContext>(kj::mv(options));
  const auto secret = as_text(keys.key.view());
  auto text = kj::heapString(secret.data(), secret.size());
  KJ_DEFER(::explicit_bzero(text.begin(), text.size()));
  kj::TlsKeypair pair{kj::TlsPrivateKey(text), kj::TlsCertificate(kj::StringPtr(keys.certificate.c_str()))};
  options.defaultKeypair = pair;
  return kj::heap<kj::TlsContext>(kj::mv(options));
}

result<kj::Own<kj::TlsContext>> guarded_context(const tls_identity& keys, bool verify_clients) {
  try {
    return tls_context(keys, verify_clients);
  } catch (const kj::Exception&) {  // its text quotes the library, whose text may quote the key's file
    return fail(errc::corrupt, "the certificate, key or authority for TLS cannot be read: make them anew");
  }
}

}  // namespace

result<kj::Own<kj::TlsContext>> make_tls_server(const tls_identity& keys, bool ask_for_certificate) {
  result<kj::Own<kj::TlsContext>> out = fail(errc::io, "no context for TLS");
  with_tls_reasons([&] { out = guarded_context(keys, ask_for_certificate); });
  return out;
}

result<kj::Own<kj::TlsContext>> make_tls_client(const tls_identity& keys) {
  return guarded_context(keys, false);
}

}  // namespace graphite
