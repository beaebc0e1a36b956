#include "cli/subscription_keys.hpp"

#include "platform/crypto/ed25519.hpp"
#include "runtime/tickets.hpp"

namespace graphite {

result<subscription_keys> subscription_keys_of(const runtime_keys& keys, std::string_view channel,
                                               std::int64_t unix_ns) {
  const ed25519_verifier verifier;
  subscription_keys out;
  out.link.servers = keys.servers;
  out.link.own = std::make_shared<const curve_pair>(curve_pair{keys.curve.key, keys.curve.secret.copy()});
  GRAPHITE_TRY(out.tickets,
               choose_tickets(keys.tickets, channel, keys.curve.key, keys.roots, verifier, unix_ns));
  return out;
}

}  // namespace graphite
