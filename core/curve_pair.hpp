#pragma once

#include <memory>

#include "core/credentials.hpp"
#include "core/secret.hpp"

namespace graphite {

/// A pair for ZeroMQ's CURVE: Curve25519 (RFC 7748), both as raw bytes (platform/crypto/curve_keys.hpp).
struct curve_pair {
  curve_key key;
  secret_bytes secret;
};
/// Shared, so that options that are copied never copy the secret. Null: no keys.
using curve_pair_ptr = std::shared_ptr<const curve_pair>;

}  // namespace graphite
