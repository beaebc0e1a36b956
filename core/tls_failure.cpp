#include "core/tls_failure.hpp"

namespace graphite {

namespace {

struct known_failure {
  std::string_view library_says, we_say;
};

constexpr std::string_view of_another_authority = "its certificate is not of this authority";
constexpr std::string_view not_its_words =
    "what it says is not of this conversation: repeated, or changed on the way";

/// The first that is found counts: what tells more comes before what tells less.
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
    {"unable to get local issuer", of_another_authority},
    {"unable to verify the first certificate", of_another_authority},
    {"certificate signature failure", of_another_authority},
    {"self-signed certificate", of_another_authority},
    {"certificate is not trusted", of_another_authority},
    {"certificate verify failed",
     "its certificate does not count: of another authority, for another use or out of its time"},
    {"unsupported protocol", "it speaks no TLS 1.3"},
    {"no shared cipher", "it speaks no TLS 1.3"},
    {"wrong version number", "it speaks no TLS"},
    {"http request", "it speaks no TLS"},
    {"no protocols available", "it speaks no TLS 1.3"},
    {"bad record mac", not_its_words},
    {"digest check failed", not_its_words},
};

}  // namespace

std::optional<std::string> tls_failure_text(std::string_view library_text) {
  for (const auto& [library_says, we_say] : known_failures)
    if (library_text.find(library_says) != library_text.npos) return std::string(we_say);
  return std::nullopt;
}

}  // namespace graphite
