#pragma once

#include <memory>

#include "core/ports/signing.hpp"

namespace graphite {

/// Ed25519 (RFC 8032) by OpenSSL.
class openssl_verifier final : public signature_verifier {
 public:
  bool verifies(const public_key& by, byte_span message, const signature& what) const override;
};

/// A secret key in memory, which is overwritten at the end.
class openssl_signer final : public message_signer {
 public:
  static constexpr std::size_t secret_bytes = 32;

  /// A new one from the system's random numbers. Errors: io.
  static result<std::unique_ptr<openssl_signer>> generate();
  /// From the 32 bytes of its secret. Errors: invalid_argument (another size), io.
  static result<std::unique_ptr<openssl_signer>> from_secret(byte_span secret);

  ~openssl_signer() override;
  const public_key& key() const override { return key_; }
  result<signature> sign(byte_span message) const override;
  /// The 32 bytes, for the file that keeps them. Errors: io.
  result<void> copy_secret(std::span<std::byte, secret_bytes> out) const;

 private:
  struct held;
  explicit openssl_signer(std::unique_ptr<held> secret);
  static result<std::unique_ptr<openssl_signer>> make(void* raw);

  std::unique_ptr<held> secret_;
  public_key key_;
};

}  // namespace graphite
