#pragma once

#include <span>

#include "core/digest.hpp"

namespace graphite {

/// How many messages this processor hashes beside each other: 16 with AVX-512, 2 with the SHA extensions
/// alone, 1 where sha256_lanes does not run. Asks the processor once.
std::size_t sha256_lanes_max();

/// SHA-256 (FIPS 180-4) of independent messages, several at a time in one thread. One message is a chain of
/// instructions that each wait for the one before; others fill the gaps (Gueron and Krasnov, "Simultaneous
/// hashing of multiple messages", 2012). Two run on the SHA extensions; from ten on they are columns of
/// AVX-512's registers. A lane that has ended takes the next message.
///
/// `messages` and `digests` have the same length. `lanes_max`: 1 to sha256_lanes_max(), which is over 1.
/// Pure.
void sha256_lanes(std::span<const byte_span> messages, std::span<digest> digests, std::size_t lanes_max);

}  // namespace graphite
