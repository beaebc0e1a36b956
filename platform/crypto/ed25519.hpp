#pragma once

#include <memory>

#include "core/ports/signing.hpp"
#include "core/secret.hpp"

namespace graphite {

/// Ed25519 (RFC 8032) by libsodium, which takes half the time of OpenSSL 3.0 to verify. Keys and signatures
/// that are not canonical or of small order are refused. Thread-safe.
class ed25519_verifier final : public signature_verifier {
 public:
  bool verifies(const public_key& by, byte_span message, const signature& what) const override;
};

/// A secret key in memory, which is overwritten at the end. Thread-safe.
class ed25519_signer final : public message_signer {
 public:
  static constexpr std::size_t secret_size = 32;

  /// A new one from the system's random numbers. Errors: io.
  static result<std::unique_ptr<ed25519_signer>> generate();
  /// From the 32 bytes of its secret. Errors: invalid_argument (another size), io.
  static result<std::unique_ptr<ed25519_signer>> from_secret(byte_span secret);

  const public_key& key() const override { return key_; }
  result<signature> sign(byte_span message) const override;
  /// The 32 bytes, for the file that keeps them.
  secret_bytes secret() const;

 private:
  ed25519_signer(secret_bytes pair, const public_key& key) : pair_(std::move(pair)), key_(key) {}

  secret_bytes pair_;  ///< secret and public key, as the library wants them
  public_key key_;
};

}  // namespace graphite
