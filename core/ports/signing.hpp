#pragma once

#include <array>
#include <cstddef>

#include "core/content.hpp"
#include "core/error.hpp"

namespace graphite {

/// An Ed25519 key (RFC 8032) as it is written everywhere: in files, statements and pins.
struct public_key {
  std::array<std::byte, 32> bytes{};
  auto operator<=>(const public_key&) const = default;
};

struct signature {
  std::array<std::byte, 64> bytes{};
  bool operator==(const signature&) const = default;
};

/// Thread-safe, keeps no state.
class signature_verifier {
 public:
  virtual ~signature_verifier() = default;
  /// False also for a key that is none. Some tens of microseconds.
  virtual bool verifies(const public_key& by, byte_span message, const signature& what) const = 0;
};

/// Has one secret key. Thread-safe.
class message_signer {
 public:
  virtual ~message_signer() = default;
  virtual const public_key& key() const = 0;
  /// The same for the same message. Errors: io (the library fails).
  virtual result<signature> sign(byte_span message) const = 0;
};

}  // namespace graphite
