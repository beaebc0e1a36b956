#pragma once

#include "core/ports/signing.hpp"
#include "tests/fuzz/blind_hasher.hpp"

namespace graphite::fuzz {

/// Signs and believes everything, so that mutated bytes get past the signature to the decoder.
class blind_signer final : public message_signer, public signature_verifier {
 public:
  const public_key& key() const override { return key_; }
  result<signature> sign(byte_span) const override { return signature{}; }
  bool verifies(const public_key&, byte_span, const signature&) const override { return true; }

 private:
  public_key key_{};
};
inline const blind_signer blind_key;

}  // namespace graphite::fuzz
