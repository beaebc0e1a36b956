#pragma once

#include "core/ports/hasher.hpp"

namespace graphite {

/// SHA-256 by OpenSSL (SHA-NI where the processor has it); several at once by kernels/sha256_lanes.hpp.
class openssl_hasher final : public hasher {
 public:
  digest sha256(byte_span bytes) const override;
  void sha256_each(std::span<const byte_span> messages, std::span<digest> digests) const override;
};

}  // namespace graphite
