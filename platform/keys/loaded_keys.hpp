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
  std::vector<pinned_root> roots;               ///< also those whose time has ended
  std::int64_t judged_unix_ns = 0;              ///< "now" below
  std::map<std::string, signing_key> channels;  ///< those with a key, of a root, that counts now
  std::vector<std::string> refused;  ///< why keys of channels are left out that are not read or not signed
  std::vector<signed_statement> vouchers;  ///< successions, for runtimes
  revocations_statement revoked;
  byte_vector revocations;  ///< as signed, for those who ask; empty: nothing is revoked
  digest revocations_id;    ///< SHA-256 of that
  curve_pair curve;
  tls_keys control, clients, operators;
  std::map<std::string, key_end> ends;  ///< of `channels` and of certificates, by what people call them
};
/// Of several keys of a channel that count now, the newest; a channel without one is left out. `folder` is
/// the part or a folder with the part in it.
result<publisher_keys> load_publisher_keys(const std::string& folder, std::int64_t now_unix_ns);
/// Whether other roots count now than when they were loaded: they are to be loaded again.
bool roots_changed(const publisher_keys& keys, std::int64_t now_unix_ns);
/// Its name in publisher_keys::ends.
std::string channel_key_name(const std::string& channel);
/// A line for each that ends within `ends_soon_ns`, or has ended, with what to type.
inline constexpr std::int64_t ends_soon_ns = 30 * ns_per_day;
std::vector<std::string> ends_told(const publisher_keys& keys, std::int64_t now_unix_ns);

/// Another text whenever a file of the part is another: their names, sizes, modes, inodes and times. Asks for
/// facts alone, opens no file. At most some thousands.
result<std::string> publisher_keys_version(const std::string& folder);
/// The same for the part of a runtime, or any other folder or file; empty for one that is not there.
result<std::string> key_files_version(const std::string& path);

/// The part `runtimes/NAME`.
struct runtime_keys {
  std::vector<pinned_root> roots;  ///< at least one counts now
  std::vector<curve_key> servers;  ///< any of them may answer
  curve_pair curve;
  std::vector<ticket> tickets;
};
result<runtime_keys> load_runtime_keys(const std::string& folder, std::int64_t now_unix_ns);

/// The pins alone, of a file such as root.pub, as read_believed_file reads it; at least one counts now.
result<std::vector<pinned_root>> load_pins(const std::string& file, std::int64_t now_unix_ns);

/// The list of revoked keys, as signed, of a file such as a publisher's `revocations`, as read_believed_file
/// reads it. Errors: also permission_denied (none of `pins` signed it; whether one counts is not looked at).
result<byte_vector> load_revocations(const std::string& file, const std::vector<pinned_root>& pins);
/// A list of revoked keys, as signed and as read.
struct revocations_list {
  byte_vector encoded;  ///< empty: nothing is revoked
  revocations_statement says;
};
/// The same, read; nothing revoked where there is no such file.
result<revocations_list> load_revoked(const std::string& file, const std::vector<pinned_root>& pins);
/// One that came by another way than a file. Errors: permission_denied, corrupt.
result<revocations_list> verified_list(byte_span encoded, const std::vector<pinned_root>& pins);
/// Writes one to such a file.
result<void> keep_revocations(const std::string& file, byte_span encoded);

}  // namespace graphite
