#pragma once

#include "core/curve_pair.hpp"

namespace graphite {

/// A new pair from the system's random numbers. Thread-safe. Errors: io.
result<curve_pair> make_curve_pair();
/// The pair of a secret of 32 bytes. Thread-safe. Errors: invalid_argument (another size), io.
result<curve_pair> curve_pair_of(secret_bytes secret);

}  // namespace graphite
