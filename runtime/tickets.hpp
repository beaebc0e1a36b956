#pragma once

#include <string_view>
#include <vector>

#include "core/credentials.hpp"

namespace graphite {

/// Which of a runtime's tickets it shows to follow `channel` (empty: any): those that hold now, by keys that
/// hold, for `client`; the one of a channel that ends last; tickets_max of them at most. Encoded. Pure.
/// `roots` and `verifier`: as access_table's.
/// Errors: permission_denied where none is left: says for each why, and what to do.
result<std::vector<byte_vector>> choose_tickets(const std::vector<ticket>& from, std::string_view channel,
                                                const curve_key& client, const std::vector<public_key>& roots,
                                                const signature_verifier& verifier, std::int64_t unix_ns);

}  // namespace graphite
