#pragma once

#include "core/ports/hasher.hpp"

namespace graphite {

/// SHA-256 by OpenSSL (SHA-NI where the processor has it).
class openssl_hasher final : public hasher {
 public:
  digest sha256(byte_span bytes) const override;
};

}  // namespace graphite
