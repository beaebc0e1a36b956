#pragma once

#include <vector>

#include "core/messages/heads.hpp"

namespace graphite {

/// Signs what channels publish. Thread-safe; some tens of microseconds a call.
class head_signer {
 public:
  virtual ~head_signer() = default;
  /// What stands in a head beside `shared`, the part of it that a signature covers. Errors:
  /// permission_denied (the channel has no key), io.
  virtual result<byte_vector> sign_head(std::string_view channel, byte_span shared) const = 0;
  /// What stands in a state beside the rest of it, in a heartbeat that names `place`. Errors: as above.
  virtual result<byte_vector> sign_state(const channel_state& state, const publisher_place& place) const = 0;
  /// What runtimes have to know of roots, lineages and revoked keys, for each heartbeat.
  virtual trust_news news() const = 0;
};

}  // namespace graphite
