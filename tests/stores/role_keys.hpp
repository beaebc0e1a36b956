#pragma once

#include "core/hello.hpp"
#include "core/store_pass.hpp"
#include "platform/crypto/ed25519.hpp"

namespace graphite::test {

/// A root and the role keys that it gives.
struct role_keys {
  static constexpr std::int64_t day = 86'400'000'000'000;

  std::shared_ptr<ed25519_signer> root = ed25519_signer::generate().value();
  ed25519_verifier verifier;
  std::int64_t unix_now = 1'760'000'000'000'000'000;

  validity valid() const { return {unix_now - day, unix_now + 30 * day}; }
  role_trust trust(std::set<std::uint64_t> revoked = {}) const { return {{root->key()}, std::move(revoked)}; }

  hello_identity identity(role what, const std::string& name, std::uint64_t serial) const {
    return identity(what, name, serial, valid());
  }
  hello_identity identity(role what, const std::string& name, std::uint64_t serial, validity when) const {
    const std::shared_ptr<ed25519_signer> key = ed25519_signer::generate().value();
    incarnation_id incarnation;
    incarnation.value.bytes[0] = static_cast<std::uint8_t>(serial);
    const auto statement = sign_role_key({what, name, key->key(), serial, when}, *root).value();
    return hello_identity::make(statement, key, incarnation, trust(), verifier, when.from_unix_ns).value();
  }
  /// By `coordinator`, whatever its role.
  byte_vector pass(const hello_identity& coordinator, const curve_key& client, validity when) const {
    return encode_store_pass(
        {coordinator.statement(), sign_store_pass({"main", client, when}, coordinator.signer()).value()});
  }
};

}  // namespace graphite::test
