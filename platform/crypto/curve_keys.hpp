#pragma once

#include "core/credentials.hpp"
#include "core/secret.hpp"

namespace graphite {

/// A pair for ZeroMQ's CURVE: Curve25519 (RFC 7748), both as raw bytes.
struct curve_pair {
  curve_key key;
  secret_bytes secret;
};

/// A new one from the system's random numbers. Thread-safe. Errors: io.
result<curve_pair> make_curve_pair();
/// The pair of a secret of 32 bytes. Thread-safe. Errors: invalid_argument (another size), io.
result<curve_pair> curve_pair_of(secret_bytes secret);

}  // namespace graphite
