#pragma once

#include <cstdint>
#include <span>

#include "core/ids.hpp"

namespace graphite {

/// Random bits. Real ones come from getrandom, a test's from its seed.
class random_source {
 public:
  virtual ~random_source() = default;
  /// 64 bits, all equally likely. One thread.
  virtual std::uint64_t next() = 0;
};

/// A version-4 UUID from `source`.
uuid make_uuid(random_source& source);

}  // namespace graphite
