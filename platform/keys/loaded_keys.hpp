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

/// When something that is in use ends, and what option of `graphite keys rotate DIR` makes a new one; empty:
/// none does.
struct key_end {
  std::int64_t unix_ns = 0;
  std::string renewed_by;
};

/// The part `publisher`.
struct publisher_keys {
  std::vector<public_key> roots;                ///< that count now
  std::map<std::string, signing_key> channels;  ///< those with a key that counts now
  std::vector<std::string> refused;  ///< why keys of channels are left out that are not read or not signed
  std::vector<signed_statement> vouchers;  ///< successions, for runtimes
  revocations_statement revoked;
  byte_vector revocations;  ///< as signed, for those who ask; empty: nothing is revoked
  curve_pair curve;
  tls_keys control, clients, operators;
  std::map<std::string, key_end> ends;  ///< of `channels` and of certificates, by what people call them
};
/// Of several keys of a channel that count now, the newest; a channel without one is left out. `folder` is
/// the part or a folder with the part in it.
result<publisher_keys> load_publisher_keys(const std::string& folder, std::int64_t now_unix_ns);
/// Its name in publisher_keys::ends.
std::string channel_key_name(const std::string& channel);
/// A line for each that ends within `ends_soon_ns`, or has ended, with what to type.
inline constexpr std::int64_t ends_soon_ns = 30 * ns_per_day;
std::vector<std::string> ends_told(const publisher_keys& keys, std::int64_t now_unix_ns);

/// Another text whenever a file of the part is another: their names, sizes, modes, inodes and times. Asks for
/// facts alone, opens no file. At most some thousands.
result<std::string> publisher_keys_version(const std::string& folder);

/// The part `runtimes/NAME`.
struct runtime_keys {
  std::vector<public_key> roots;
  std::vector<curve_key> servers;  ///< any of them may answer
  curve_pair curve;
  std::vector<ticket> tickets;
};
result<runtime_keys> load_runtime_keys(const std::string& folder, std::int64_t now_unix_ns);

/// The pins alone, of a file such as root.pub, as read_believed_file reads it.
result<std::vector<public_key>> load_pins(const std::string& file, std::int64_t now_unix_ns);

}  // namespace graphite
