#pragma once

#include <memory>

#include "core/credentials.hpp"
#include "core/secret.hpp"

namespace graphite {

/// Both halves of a Curve25519 key as ZeroMQ's CURVE takes them (platform/crypto/curve_keys.hpp makes them).
struct curve_pair {
  curve_key key;
  secret_bytes secret;  ///< 32 bytes
};
/// Shared, so that options that are copied never copy the secret. Null: no keys.
using curve_pair_ptr = std::shared_ptr<const curve_pair>;

}  // namespace graphite
