#pragma once

#include <span>

#include "core/digest.hpp"

namespace graphite {

/// SHA-256. Thread-safe, keeps no state.
class hasher {
 public:
  virtual ~hasher() = default;
  virtual digest sha256(byte_span bytes) const = 0;
  /// Of each message, in the same places; both have the same length. Up to twice as fast as one by one where
  /// the processor hashes several at once: give some tens.
  virtual void sha256_each(std::span<const byte_span> messages, std::span<digest> digests) const {
    for (std::size_t i = 0; i < messages.size(); ++i) digests[i] = sha256(messages[i]);
  }
};

}  // namespace graphite
