#include "platform/crypto/ed25519.hpp"

#include <sodium.h>

namespace graphite {

namespace {

const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }
unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

/// Chooses what suits the processor; every call may come first, of any thread.
bool sodium_is_ready() {
  static const bool ready = sodium_init() >= 0;
  return ready;
}

}  // namespace

bool ed25519_verifier::verifies(const public_key& by, byte_span message, const signature& what) const {
  return sodium_is_ready() && crypto_sign_verify_detached(raw(what.bytes.data()), raw(message.data()),
                                                          message.size(), raw(by.bytes.data())) == 0;
}

result<std::unique_ptr<ed25519_signer>> ed25519_signer::generate() {
  if (!sodium_is_ready()) return fail(errc::io, "libsodium cannot get random numbers from the system");
  byte_vector seed(secret_size);
  randombytes_buf(seed.data(), seed.size());
  return from_secret(secret_bytes(std::move(seed)).view());
}

result<std::unique_ptr<ed25519_signer>> ed25519_signer::from_secret(byte_span secret) {
  static_assert(secret_size == crypto_sign_SEEDBYTES && sizeof(public_key) == crypto_sign_PUBLICKEYBYTES &&
                sizeof(signature) == crypto_sign_BYTES);
  if (secret.size() != secret_size) return fail(errc::invalid_argument, "an Ed25519 secret has 32 bytes");
  if (!sodium_is_ready()) return fail(errc::io, "libsodium cannot start");
  public_key key;
  byte_vector pair(crypto_sign_SECRETKEYBYTES);
  if (crypto_sign_seed_keypair(raw(key.bytes.data()), raw(pair.data()), raw(secret.data())) != 0)
    return fail(errc::io, "libsodium makes no Ed25519 key");
  return std::unique_ptr<ed25519_signer>(new ed25519_signer(secret_bytes(std::move(pair)), key));
}

result<signature> ed25519_signer::sign(byte_span message) const {
  signature out;
  if (crypto_sign_detached(raw(out.bytes.data()), nullptr, raw(message.data()), message.size(),
                           raw(pair_.view().data())) != 0)
    return fail(errc::io, "libsodium does not sign");
  return out;
}

secret_bytes ed25519_signer::secret() const {
  const auto seed = pair_.view().first(secret_size);
  return secret_bytes(byte_vector(seed.begin(), seed.end()));
}

}  // namespace graphite
