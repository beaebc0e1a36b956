#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/credentials.hpp"
#include "platform/crypto/certificates.hpp"
#include "platform/crypto/curve_keys.hpp"
#include "platform/keys/key_text.hpp"

namespace graphite {

/// \file The parts of a folder of keys as the processes that have them use them. All functions block and are
/// thread-safe. Errors of all: not_found (names the file and who has it), permission_denied (looser than it
/// may be; not signed by the pinned root; expired), corrupt (names the file), io.

/// Certificate, key and whom to believe, all PEM.
struct tls_keys {
  certificate_pair own;
  std::string authority;
};

/// The part `publisher`.
struct publisher_keys {
  std::vector<public_key> roots;  ///< that count now
  std::map<std::string, signing_key> channels;
  std::vector<signed_statement> vouchers;  ///< successions, for runtimes
  revocations_statement revoked;
  byte_vector revocations;  ///< as signed, for those who ask; empty: nothing is revoked
  curve_pair curve;
  tls_keys control, clients, operators;
};
/// Of several keys of a channel that count now, the newest. `folder` is the part or a folder with the part in
/// it.
result<publisher_keys> load_publisher_keys(const std::string& folder, std::int64_t now_unix_ns);
/// Grows whenever the part changed. Cheap: one small file.
result<std::string> publisher_keys_version(const std::string& folder);

/// The part `runtimes/NAME`.
struct runtime_keys {
  std::vector<public_key> roots;
  std::vector<curve_key> servers;  ///< any of them may answer
  curve_pair curve;
  std::vector<ticket> tickets;
};
result<runtime_keys> load_runtime_keys(const std::string& folder, std::int64_t now_unix_ns);

/// The pins alone, of a file such as root.pub.
result<std::vector<public_key>> load_pins(const std::string& file, std::int64_t now_unix_ns);

}  // namespace graphite
