#pragma once

#include <set>
#include <vector>

#include "core/statements.hpp"

namespace graphite {

/// \file Statements that say what a peer may (docs/decisions/0013). All functions are pure and thread-safe.

/// What a client may ask for. Numbers are stable: they are signed.
enum class verb : std::uint8_t {
  query = 0,    ///< status, why, graph, diff, events
  build = 1,    ///< builds and the sources that belong to them
  publish = 2,  ///< hold, release, rollback
  operate = 3,  ///< stop, gc, drain
};

/// A set of verbs. Pure.
class verb_set {
 public:
  static constexpr std::uint8_t all_bits = 0x0f;
  constexpr verb_set() = default;
  constexpr verb_set(std::initializer_list<verb> verbs) {
    for (const auto one : verbs) bits_ |= bit(one);
  }
  static constexpr verb_set all() { return from_bits(all_bits); }
  /// Bits that name no verb are dropped.
  static constexpr verb_set from_bits(std::uint8_t bits) {
    verb_set out;
    out.bits_ = bits & all_bits;
    return out;
  }
  constexpr bool has(verb one) const { return (bits_ & bit(one)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr std::uint8_t bits() const { return bits_; }
  auto operator<=>(const verb_set&) const = default;

 private:
  static constexpr std::uint8_t bit(verb one) {
    return static_cast<std::uint8_t>(1u << static_cast<unsigned>(one));
  }
  std::uint8_t bits_ = 0;
};

/// "query,build", in the order of the numbers; and back. Errors: invalid_argument (no such verb, none).
std::string to_string(verb_set verbs);
result<verb_set> parse_verbs(std::string_view text);

/// What a process of a cluster does.
enum class role : std::uint8_t { coordinator = 0, node = 1, relay = 2, watch = 3 };
std::string_view to_string(role what);
std::optional<role> role_from_string(std::string_view text);

/// Bytes of the name of a process, client or tenant at most; the rule for them is that for channels.
inline constexpr std::size_t peer_name_bytes_max = channel_name_bytes_max;

/// By the root: `key` belongs to the process `name`, which is a `what`.
struct role_key_statement {
  role what = role::node;
  std::string name;
  public_key key;
  std::uint64_t serial = 0;
  validity valid;
  auto operator<=>(const role_key_statement&) const = default;
};

/// A Curve25519 key of ZeroMQ's CURVE, as raw bytes.
struct curve_key {
  std::array<std::byte, 32> bytes{};
  auto operator<=>(const curve_key&) const = default;
};

/// By the key of `channel`: who holds `client` may have the channel.
struct ticket_statement {
  std::string channel;
  std::string name;  ///< of the runtime, for people
  curve_key client;
  std::uint64_t serial = 0;
  validity valid;
  auto operator<=>(const ticket_statement&) const = default;
};

/// A ticket and that its key may sign it: what a runtime shows. At most ticket_bytes_max encoded.
struct ticket {
  signed_statement key;  ///< a channel_key statement
  signed_statement grant;
  bool operator==(const ticket&) const = default;
};
inline constexpr std::size_t ticket_bytes_max = 1024;

/// By the root: what a client without a certificate may.
struct token_statement {
  std::string tenant;
  std::string name;
  verb_set verbs;
  std::uint64_t serial = 0;
  validity valid;
  auto operator<=>(const token_statement&) const = default;
};

/// By the root: what counts no more. The one with the highest number is in force.
struct revocations_statement {
  static constexpr std::size_t entries_max = 100'000;
  std::uint64_t number = 0;
  std::set<std::uint64_t> serials;  ///< of channel and role keys, tickets, tokens and certificates
  std::set<curve_key> clients;
  auto operator<=>(const revocations_statement&) const = default;
};
/// Of an encoded list with its signature.
inline constexpr std::size_t revocations_bytes_max = 4 * 1024 * 1024;

/// Errors: invalid_argument (a name that is none, nothing granted, never valid, too many entries), io.
result<signed_statement> sign_role_key(const role_key_statement& what, const message_signer& root);
result<signed_statement> sign_ticket(const ticket_statement& what, const message_signer& channel_key);
result<signed_statement> sign_token(const token_statement& what, const message_signer& root);
result<signed_statement> sign_revocations(const revocations_statement& what, const message_signer& root);

/// Errors: permission_denied (not signed by it), corrupt (signed, and not read). Expiry and revocation are
/// the caller's to check.
result<role_key_statement> verified_role_key(const signed_statement& what, const public_key& root,
                                             const signature_verifier& verifier);
result<ticket_statement> verified_ticket(const signed_statement& what, const public_key& channel_key,
                                         const signature_verifier& verifier);
result<token_statement> verified_token(const signed_statement& what, const public_key& root,
                                       const signature_verifier& verifier);
result<revocations_statement> verified_revocations(const signed_statement& what, const public_key& root,
                                                   const signature_verifier& verifier);

byte_vector encode_ticket(const ticket& what);
/// Errors: corrupt.
result<ticket> decode_ticket(byte_span bytes);

/// A token as it stands in a header or a file: "graphite1." and hexadecimal digits. And back.
/// Errors: invalid_argument (another beginning, other characters, too long, not a signed statement).
std::string token_text(const signed_statement& token);
result<signed_statement> parse_token_text(std::string_view text);

}  // namespace graphite
