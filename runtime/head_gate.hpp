#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "bundle/head_signature.hpp"
#include "core/credentials.hpp"

namespace graphite {

/// Whether heads and states were signed by a key that a pinned root vouches for. Reads no clock. One thread.
///
/// Says nothing of older and newer: what it passes can be as old as the key. An expired key passes nothing,
/// a revoked one neither; what was accepted before stays with whoever accepted it. Cost: two verifications
/// for a head by a key that was not seen just before, else one. Bounded by news_max.
class head_gate {
 public:
  static constexpr std::size_t news_max = 64;  ///< successions remembered; the oldest go

  /// `pins`: at least one. `verifier` outlives it.
  head_gate(std::vector<pinned_root> pins, const signature_verifier& verifier);
  /// Those that are pinned from now on: at least one. What was learned stays, as far as they vouch for it.
  void set_pins(std::vector<pinned_root> pins);

  /// `shared`: the first head_shared_bytes of a head's encoding, `block` its signature. Errors:
  /// permission_denied (no signature, another root, key or channel, expired, not yet valid, revoked), corrupt
  /// (signed by the root, and not read).
  result<void> check_head(std::string_view channel, byte_span shared, byte_span block, std::int64_t unix_ns);
  result<void> check_state(const channel_state& state, const publisher_place& place, std::int64_t unix_ns);

  /// Of what is kept from before: whether a root that is pinned, or was vouched for at any time, let its key
  /// sign it. Neither expiry nor revocation is looked at, as both may have come since. Errors:
  /// permission_denied.
  result<void> check_kept(const head& kept, byte_span block, const hasher& hash);

  /// Takes what a root that counts has signed; all else is ignored, as anybody can send it. True where
  /// something was new: `known()` is to be kept then.
  bool learn(const trust_news& news, std::int64_t unix_ns);
  /// What was learned, to be learned again after a restart.
  trust_news known() const;
  /// The list of revoked keys in force, as signed; empty: none is known.
  const byte_vector& revocations() const { return revocations_; }
  /// Whether a root said that `after` follows `before`, over any number of steps.
  bool follows(std::string_view channel, const lineage_id& before, const lineage_id& after,
               epoch_number epoch) const;

 private:
  struct other_root {
    root_succession_statement says;
    public_key before;  ///< which said so: while it does not count, the other one does not either
    byte_vector encoded;
  };
  struct other_lineage {
    succession_statement says;
    byte_vector encoded;
  };
  /// Also those whose time has ended: what they revoked stays revoked.
  std::vector<public_key> roots_ever() const;
  result<void> check(statement_kind kind, std::string_view channel, byte_span body, byte_span block,
                     std::int64_t unix_ns);
  result<channel_key_statement> key_of(const signed_statement& statement, std::int64_t unix_ns);
  /// Pinned ones, and those that follow them now.
  std::vector<public_key> roots_at(std::int64_t unix_ns) const;
  bool learn_voucher(const byte_vector& bytes, std::int64_t unix_ns);
  bool learn_revocations(const byte_vector& bytes);

  std::vector<pinned_root> pinned_;
  const signature_verifier& verifier_;
  std::vector<other_root> other_roots_;
  std::vector<other_lineage> lineages_;
  revocations_statement revoked_;
  byte_vector revocations_;  ///< encoded
  struct checked_key {
    signed_statement statement;
    channel_key_statement says;
    public_key root;
  };
  std::optional<checked_key> last_;
};

}  // namespace graphite
