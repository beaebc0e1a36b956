#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "bundle/head_codec.hpp"
#include "core/messages/heads.hpp"
#include "core/statements.hpp"

namespace graphite {

/// What goes with a head or a state: who signed it, and that this key may. Fits into a head: at most
/// head_signature_bytes_max.
struct signature_block {
  signed_statement key;  ///< a channel_key statement
  signature by;          ///< of the head or state, by the key that the statement names
  bool operator==(const signature_block&) const = default;
};

byte_vector encode_signature_block(const signature_block& block);
/// Errors: corrupt.
result<signature_block> decode_signature_block(byte_span bytes);

/// Signs what a channel publishes. Errors: io.
result<byte_vector> signed_head(byte_span head, const signed_statement& key, const message_signer& signer);
result<byte_vector> signed_state(const channel_state& state, const signed_statement& key,
                                 const message_signer& signer);

/// Whether heads and states were signed by a key that a pinned root vouches for. Reads no clock. One thread.
///
/// Says nothing of older and newer: what it passes can be as old as the key. An expired key passes nothing,
/// a revoked one neither; what was accepted before stays with whoever accepted it. Cost: two verifications
/// for a head by a key that was not seen just before, else one.
class head_gate {
 public:
  /// `roots`: at least one, those that count now. `verifier` outlives it.
  head_gate(std::vector<public_key> roots, const signature_verifier& verifier);

  /// Errors: permission_denied (no signature, another root, key or channel, expired, not yet valid, revoked),
  /// corrupt (signed by the root, and not read).
  result<void> check_head(std::string_view channel, byte_span head, byte_span block, std::int64_t unix_ns);
  result<void> check_state(const channel_state& state, std::int64_t unix_ns);

  /// Serials of channel keys that count no more.
  void revoke(std::vector<std::uint64_t> serials);

 private:
  result<void> check(statement_kind kind, std::string_view channel, byte_span body, byte_span block,
                     std::int64_t unix_ns);
  result<channel_key_statement> key_of(const signed_statement& statement);

  std::vector<public_key> roots_;
  const signature_verifier& verifier_;
  std::vector<std::uint64_t> revoked_;  ///< ascending
  std::optional<signed_statement> last_;
  channel_key_statement last_says_;
};

}  // namespace graphite
