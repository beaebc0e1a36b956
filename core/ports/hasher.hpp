#pragma once

#include "core/digest.hpp"

namespace graphite {

/// SHA-256. Thread-safe, keeps no state.
class hasher {
 public:
  virtual ~hasher() = default;
  virtual digest sha256(byte_span bytes) const = 0;
};

}  // namespace graphite
