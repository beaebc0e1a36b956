#pragma once

#include <string>

#include "core/error.hpp"
#include "gateway/service_client.hpp"

namespace CLI {
class App;
}

namespace graphite {

/// Where a command asks if not at its project's socket, and what it shows there.
struct remote_options {
  std::string at;          ///< "HOST:PORT"; empty: the socket
  std::string keys;        ///< folder of a client's keys; empty: none
  std::string token_file;  ///< empty: what is in `keys`
};

/// --at, --keys and --token; a token itself is never an argument.
void add_remote_options(CLI::App& command, remote_options& options);
/// --at and --token alone, of commands whose --keys are for more.
void add_remote_address(CLI::App& command, remote_options& options);

/// The part of one client: `client.crt` with `client.key`, or `token`, or both; and `clients-ca.crt`, the
/// authority by which the service is known. Errors: not_found (names the file), permission_denied (looser
/// than it may be), corrupt, io.
result<service_address> client_keys_from(const std::string& folder);

/// `options.at` with what it needs; without --keys the authority is looked for beside the token, and a token
/// of the service's start needs none. Errors: as above; invalid_argument (neither keys nor token).
result<service_address> address_of(const remote_options& options);

}  // namespace graphite
