#pragma once

#include <optional>

namespace graphite::bench {

/// MB/s that `openssl speed` says of SHA-256 with large blocks, of `processes` at once in all; nothing where
/// it is missing. Takes a second.
std::optional<double> openssl_speed(int processes = 1);

}  // namespace graphite::bench
