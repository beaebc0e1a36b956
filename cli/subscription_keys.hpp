#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/ports/transport.hpp"
#include "platform/keys/loaded_keys.hpp"

namespace graphite {

/// What a subscription to ports with keys needs.
struct subscription_keys {
  link_keys link;
  std::vector<byte_vector> tickets;  ///< encode_ticket; see runtime/tickets.hpp
  std::string chunks;                ///< HOST:PORT where it enrols; empty: the port after that of `from`
};

/// From the keys of a runtime: the tickets for `channel` (empty: any) that count now.
/// Errors: permission_denied (none does; says why).
result<subscription_keys> subscription_keys_of(const runtime_keys& keys, std::string_view channel,
                                               std::int64_t unix_ns);

}  // namespace graphite
