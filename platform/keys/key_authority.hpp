#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/credentials.hpp"
#include "platform/crypto/certificates.hpp"
#include "platform/crypto/ed25519.hpp"
#include "platform/keys/key_register.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// What may be given out, by whoever has the root's key: the folder of `graphite keygen` (docs/security.md
/// names its files). Each call ends with whole files or an error: a crash leaves a serial unused, no key
/// half made; a replacement of the root that a crash ended is finished by the next open(). One thread;
/// blocks. Holds a lock on the folder `root` for its life, so that no two give the same serial.
class key_authority {
 public:
  /// Begins validity a little before now, for clocks that are behind.
  static constexpr std::int64_t clock_tolerance_ns = 3'600'000'000'000;
  static constexpr std::int64_t authority_days = 3650;

  struct begin_options {
    std::vector<std::string> channels = {"main"};
    std::int64_t now_unix_ns = 0;
    std::int64_t days = 365;  ///< that keys and certificates count
  };
  /// Makes a folder that is not there, or is empty. Errors: already_exists, invalid_argument (a channel's
  /// name), permission_denied, out_of_space, io.
  static result<key_authority> begin(const std::string& folder, const begin_options& options);
  /// Errors: not_found (no folder of keys, or one whose root lies elsewhere), permission_denied (looser than
  /// it may be), busy (another one holds it), corrupt (also: `publisher` has an older list of revoked keys
  /// than was issued, or none), io.
  static result<key_authority> open(const std::string& folder);

  /// A new key for `channel`, which publishers sign with from now on; the ones before count until their end.
  result<issued_key> add_channel_key(const std::string& channel, const validity& valid);

  struct ticket_options {
    std::string runtime;
    std::vector<std::string> channels;
    validity valid;
    std::optional<curve_key> client;  ///< absent: a pair is made, too
  };
  /// Writes `runtimes/NAME`: pins, tickets and, unless the runtime has made its own, the key. Errors:
  /// not_found (a channel without a key), invalid_argument, io. A ticket ends with the channel key that signs
  /// it, where that is sooner.
  result<std::vector<issued_key>> issue_tickets(const ticket_options& options);

  struct token_options {
    std::string name, tenant = "main";
    verb_set verbs;
    validity valid;
  };
  /// Writes `clients/NAME/token`.
  result<issued_key> issue_token(const token_options& options);

  /// `authority` is one of key_layout::authorities; `verbs` count for clients, `what` for nodes.
  struct certificate_options {
    std::string name, authority;
    verb_set verbs;
    role what = role::node;
    validity valid;
  };
  /// Writes certificate and key below `clients`, `operators` or `nodes`; a node's role key, too.
  result<issued_key> issue_certificate(const certificate_options& options);

  /// Adds to what is revoked, signs it anew. Errors: not_found (a serial that was never given), io.
  result<revocations_statement> revoke(const std::vector<std::uint64_t>& serials);
  /// Lets `after` follow `before`, for runtimes which know the former alone.
  result<void> follow(const succession_statement& what);
  /// A new root, which runtimes take for the old one until `valid` ends; keys of channels and processes that
  /// are neither revoked nor expired are signed anew. The old one's file stays beside it.
  result<void> replace_root(const validity& valid);
  /// New certificates of the process that serves, by the same authorities.
  result<std::vector<issued_key>> replace_server_certificates(const validity& valid);
  /// A new CURVE key of the process that serves, from its next start on. `root/server.pub`, which later
  /// tickets take along, has it first and the ones before after it; runtimes without it do not connect then.
  result<curve_key> replace_curve_key();
  static constexpr std::size_t server_pins_max = 4;

  const std::vector<issued_key>& issued() const { return register_.rows(); }
  const revocations_statement& revoked() const { return revoked_; }
  const public_key& root() const { return root_->key(); }

 private:
  key_authority(std::string folder, owned_fd lock, std::unique_ptr<ed25519_signer> root, key_register issued)
      : folder_(std::move(folder)),
        lock_(std::move(lock)),
        root_(std::move(root)),
        register_(std::move(issued)) {}
  std::string part(std::string_view folder, std::string_view name) const;
  result<void> make_authorities(const begin_options& options);
  result<issued_key> write_server(std::string_view authority, const validity& valid);
  result<certificate_pair> authority_pair(std::string_view name) const;
  result<std::string> person_folder(std::string_view kind, const std::string& name) const;
  result<void> read_revocations();
  result<void> write_revocations(const revocations_statement& list, const message_signer& root) const;
  result<void> replace_root_by(std::unique_ptr<ed25519_signer> next, const validity& valid);
  result<void> sign_anew(const message_signer& next, std::int64_t now_unix_ns) const;
  result<void> finish_change();
  result<void> write_pins(const std::string& folder) const;
  result<void> write_role_key(const std::string& folder, role what, const std::string& name,
                              const validity& valid);
  result<void> note_change();

  std::string folder_;
  owned_fd lock_;
  std::unique_ptr<ed25519_signer> root_;
  key_register register_;
  revocations_statement revoked_;
};

}  // namespace graphite
