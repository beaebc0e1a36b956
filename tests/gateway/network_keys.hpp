#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "core/client_identity.hpp"
#include "gateway/network_options.hpp"
#include "platform/crypto/certificates.hpp"
#include "platform/crypto/ed25519.hpp"

namespace graphite::test {

inline constexpr std::int64_t hour_ns = 3'600'000'000'000;

inline std::int64_t unix_now_ns() {
  return duration(std::chrono::system_clock::now().time_since_epoch()).count();
}
inline validity valid_for_an_hour() { return {unix_now_ns() - hour_ns, unix_now_ns() + hour_ns}; }

inline constexpr validity long_ago{1'000'000'000'000'000, 2'000'000'000'000'000};

/// An installation's keys for clients, made in memory: an authority, a service and a root.
class network_keys {
 public:
  std::shared_ptr<const tls_identity> service() const {
    return identity(server_.certificate, server_.key, authority_.certificate);
  }
  /// A client's, of a certificate with this common name.
  std::shared_ptr<const tls_identity> client(const std::string& common_name,
                                             validity valid = valid_for_an_hour(),
                                             certificate_use use = certificate_use::client) const {
    const auto made = issue_certificate(authority_, {common_name, "", use, 7, valid}).value();
    return identity(made.certificate, made.key, authority_.certificate);
  }
  std::shared_ptr<const tls_identity> client(verb_set verbs, std::uint64_t serial = 7,
                                             const std::string& name = "ann") const {
    return client(encode_client_identity({name, verbs, serial}).value());
  }
  /// Knows the service's authority and has no certificate.
  std::shared_ptr<const tls_identity> nobody() const { return identity("", {}, authority_.certificate); }

  /// Of another authority, which a client shows to a service that it knows by the right one.
  std::shared_ptr<const tls_identity> stranger() const {
    const auto other =
        make_authority({"clients", "", certificate_use::authority, 1, valid_for_an_hour()}).value();
    const auto made =
        issue_certificate(other, {"graphite:qbpo:ann:7", "", certificate_use::client, 7, valid_for_an_hour()})
            .value();
    return identity(made.certificate, made.key, authority_.certificate);
  }

  signed_statement signed_token(token_statement what) const { return sign_token(what, *root_).value(); }
  token_statement token(verb_set verbs, std::uint64_t serial = 9) const {
    return {"main", "ci", verbs, serial, valid_for_an_hour()};
  }
  const certificate_pair& authority() const { return authority_; }
  const ed25519_signer& root() const { return *root_; }

  static std::shared_ptr<const tls_identity> identity(const std::string& certificate, const secret_bytes& key,
                                                      const std::string& authority) {
    auto out = std::make_shared<tls_identity>();
    out->certificate = certificate;
    out->key = key.copy();
    out->authority = authority;
    return out;
  }
  static std::shared_ptr<const secret_bytes> secret(std::string_view text) {
    const auto bytes = as_bytes(text);
    return std::make_shared<const secret_bytes>(secret_bytes(byte_vector(bytes.begin(), bytes.end())));
  }

 private:
  certificate_pair authority_ =
      make_authority({"clients", "", certificate_use::authority, 1, valid_for_an_hour()}).value();
  certificate_pair server_ =
      issue_certificate(authority_, {std::string(tls_server_name), std::string(tls_server_name),
                                     certificate_use::server, 2, valid_for_an_hour()})
          .value();
  std::unique_ptr<ed25519_signer> root_ = ed25519_signer::generate().value();
};

}  // namespace graphite::test
