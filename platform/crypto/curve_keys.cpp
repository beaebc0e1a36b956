#include "platform/crypto/curve_keys.hpp"

#include "platform/crypto/openssl_owned.hpp"

namespace graphite {

namespace {

unsigned char* raw_bytes(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

}  // namespace

result<curve_pair> make_curve_pair() {
  const openssl_owned<EVP_PKEY> made(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
  byte_vector secret(sizeof(curve_key));
  auto size = secret.size();
  if (!made || EVP_PKEY_get_raw_private_key(made.get(), raw_bytes(secret.data()), &size) != 1)
    return openssl_refused("cannot make a Curve25519 key");
  return curve_pair_of(secret_bytes(std::move(secret)));
}

result<curve_pair> curve_pair_of(secret_bytes secret) {
  curve_pair out;
  auto size = out.key.bytes.size();
  const auto bytes = secret.view();
  if (bytes.size() != size) return fail(errc::invalid_argument, "a Curve25519 secret has 32 bytes");
  const openssl_owned<EVP_PKEY> key(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_X25519, nullptr, reinterpret_cast<const unsigned char*>(bytes.data()), size));
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), raw_bytes(out.key.bytes.data()), &size) != 1)
    return openssl_refused("cannot tell the public part of a Curve25519 key");
  out.secret = std::move(secret);
  return out;
}

}  // namespace graphite
