#include "gateway/tls_context.hpp"

#include <fmt/format.h>
#include <strings.h>

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

struct known_failure {
  std::string_view library_says, we_say;
};
/// The first that is found counts.
constexpr known_failure known_failures[] = {
    {"alert certificate required", "the service asks for a certificate: name the folder of keys, --keys DIR"},
    {"alert unknown ca", "the other side does not know the authority of this certificate"},
    {"alert decrypt error", "the other side does not know the authority of this certificate"},
    {"alert certificate expired", "the other side says that this certificate has expired"},
    {"alert certificate revoked", "the other side says that this certificate was revoked"},
    {"alert unsupported certificate", "the other side refuses this certificate: it is for another use"},
    {"alert bad certificate", "the other side refuses this certificate"},
    {"alert protocol version", "the other side speaks no TLS 1.3"},
    {"alert handshake failure", "the other side agrees to no way of TLS 1.3"},
    {"peer did not return a certificate", "it shows no certificate"},
    {"certificate has expired", "its certificate has expired"},
    {"certificate is not yet valid", "its certificate does not count yet: compare the clocks"},
    {"unsupported certificate purpose", "its certificate is for another use"},
    {"unsuitable certificate purpose", "its certificate is for another use"},
    {"hostname mismatch", "its certificate is not that of a service"},
    {"certificate verify failed",
     "its certificate does not count: of another authority, for another use or out of its time"},
    {"unable to get local issuer", "its certificate is not of this authority"},
    {"certificate signature failure", "its certificate is not of this authority"},
    {"certificate is not trusted", "its certificate is not of this authority"},
    {"unsupported protocol", "it speaks no TLS 1.3"},
    {"no shared cipher", "it speaks no TLS 1.3"},
    {"wrong version number", "it speaks no TLS"},
    {"http request", "it speaks no TLS"},
    {"no protocols available", "it speaks no TLS 1.3"},
};

}  // namespace

result<kj::Own<kj::TlsContext>> make_tls_server(const tls_identity& keys, bool ask_for_certificate) {
  return guarded_context(keys, ask_for_certificate);
}

result<kj::Own<kj::TlsContext>> make_tls_client(const tls_identity& keys) {
  return guarded_context(keys, false);
}

std::optional<std::string> tls_failure_text(std::string_view library_text) {
  for (const auto& [library_says, we_say] : known_failures)
    if (library_text.find(library_says) != library_text.npos) return std::string(we_say);
  return std::nullopt;
}

}  // namespace graphite
