#include "platform/crypto/ed25519.hpp"

#include <openssl/err.h>

#include "platform/crypto/openssl_owned.hpp"

namespace graphite {

namespace {

using owned_key = openssl_owned<EVP_PKEY>;
using owned_context = openssl_owned<EVP_MD_CTX>;

const unsigned char* raw(const void* bytes) { return static_cast<const unsigned char*>(bytes); }
unsigned char* raw(void* bytes) { return static_cast<unsigned char*>(bytes); }

}  // namespace

bool openssl_verifier::verifies(const public_key& by, byte_span message, const signature& what) const {
  const owned_key key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(by.bytes.data()), by.bytes.size()));
  const owned_context context(EVP_MD_CTX_new());
  const bool good = key && context &&
                    EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
                    EVP_DigestVerify(context.get(), raw(what.bytes.data()), what.bytes.size(),
                                     raw(message.data()), message.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

struct openssl_signer::held {
  owned_key key;
};

openssl_signer::openssl_signer(std::unique_ptr<held> secret) : secret_(std::move(secret)) {}
openssl_signer::~openssl_signer() = default;

result<std::unique_ptr<openssl_signer>> openssl_signer::make(void* raw_key) {
  owned_key key(static_cast<EVP_PKEY*>(raw_key));
  if (!key) return openssl_refused("cannot make an Ed25519 key");
  std::unique_ptr<openssl_signer> out(new openssl_signer(std::make_unique<held>(held{std::move(key)})));
  auto& bytes = out->key_.bytes;
  auto size = bytes.size();
  if (EVP_PKEY_get_raw_public_key(out->secret_->key.get(), raw(bytes.data()), &size) != 1 ||
      size != bytes.size())
    return openssl_refused("cannot tell the public part of an Ed25519 key");
  return out;
}

result<std::unique_ptr<openssl_signer>> openssl_signer::generate() {
  return make(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}

result<std::unique_ptr<openssl_signer>> openssl_signer::from_secret(byte_span secret) {
  if (secret.size() != secret_bytes) return fail(errc::invalid_argument, "an Ed25519 secret has 32 bytes");
  return make(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(secret.data()), secret.size()));
}

result<signature> openssl_signer::sign(byte_span message) const {
  const owned_context context(EVP_MD_CTX_new());
  signature out;
  auto size = out.bytes.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, secret_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), raw(out.bytes.data()), &size, raw(message.data()), message.size()) != 1 ||
      size != out.bytes.size())
    return openssl_refused("cannot sign");
  return out;
}

result<void> openssl_signer::copy_secret(std::span<std::byte, secret_bytes> out) const {
  auto size = out.size();
  if (EVP_PKEY_get_raw_private_key(secret_->key.get(), raw(out.data()), &size) != 1 || size != out.size())
    return openssl_refused("cannot copy a secret key");
  return {};
}

}  // namespace graphite
