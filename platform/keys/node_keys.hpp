#pragma once

#include <string>
#include <vector>

#include "core/tls_files.hpp"
#include "platform/keys/key_text.hpp"
#include "platform/keys/loaded_keys.hpp"

namespace graphite {

/// The part `nodes/NAME`: of one process of a cluster, whatever its role.
struct node_keys {
  std::vector<pinned_root> roots;  ///< at least one counts now
  signing_key role;                ///< its statement is of one of them
  role_key_statement said;
  tls_files control;  ///< of this folder; CAF reads them itself
  revocations_list revoked;
};

/// Blocks, thread-safe. Errors: not_found (names the file and who has it), permission_denied (looser than it
/// may be; not signed by a root that counts; expired), corrupt (names the file), io.
result<node_keys> load_node_keys(const std::string& folder, std::int64_t now_unix_ns);

}  // namespace graphite
