#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/channel_name.hpp"
#include "core/ids.hpp"
#include "core/ports/signing.hpp"

namespace graphite {

/// \file What is signed (docs/decisions/0013). A statement has one encoding, and a signature covers the name
/// of its kind before it: none can be taken for another. All functions are pure and thread-safe.

enum class statement_kind {
  channel_key,
  succession,
  root_succession,
  role_key,
  ticket,
  token,
  revocations,
  hello,
  head,
  state,
  store_pass
};

/// From `from` until before `until`, in nanoseconds since 1970.
struct validity {
  std::int64_t from_unix_ns = 0, until_unix_ns = 0;
  bool holds(std::int64_t unix_ns) const { return from_unix_ns <= unix_ns && unix_ns < until_unix_ns; }
  auto operator<=>(const validity&) const = default;
};

/// A root that is believed, with the end of its time where it has one: what it gave counts no longer.
struct pinned_root {
  static constexpr std::size_t roots_max = 16;
  public_key key;
  std::optional<std::int64_t> until_unix_ns;

  // No default one: `{key, {}}` would be two roots where a list can be meant.
  pinned_root(const public_key& root, std::optional<std::int64_t> until = {})
      : key(root), until_unix_ns(until) {}
  bool counts(std::int64_t unix_ns) const { return !until_unix_ns || unix_ns < *until_unix_ns; }
  bool operator==(const pinned_root&) const = default;
};
/// Those that count then, in the same order.
std::vector<public_key> roots_that_count(const std::vector<pinned_root>& pins, std::int64_t unix_ns);
/// Whether `root` is pinned and counts then.
bool root_counts(const std::vector<pinned_root>& pins, const public_key& root, std::int64_t unix_ns);
/// Why nothing counts where there are pins, and none of them does any more.
inline constexpr std::string_view roots_have_ended =
    "the time of every root that is pinned has ended: get the new root.pub";

/// By the root: `key` signs heads of `channel`.
struct channel_key_statement {
  std::string channel;
  public_key key;
  std::uint64_t serial = 0;  ///< by which it is revoked; a root gives none twice
  validity valid;
  auto operator<=>(const channel_key_statement&) const = default;
};

/// By the root: on `channel`, `after` follows `before`, from `epoch` on.
struct succession_statement {
  std::string channel;
  lineage_id before, after;
  epoch_number epoch;
  auto operator<=>(const succession_statement&) const = default;
};

/// By a root: while this holds, `after` counts like the root that signed.
struct root_succession_statement {
  public_key after;
  validity valid;
  auto operator<=>(const root_succession_statement&) const = default;
};

/// A statement as it travels. What `body` holds is known only after its signature was verified.
struct signed_statement {
  static constexpr std::size_t body_bytes_max = 256;
  byte_vector body;
  signature by;
  bool operator==(const signed_statement&) const = default;
};

result<signature> sign_statement(statement_kind kind, byte_span body, const message_signer& signer);
bool statement_verifies(statement_kind kind, byte_span body, const signature& what, const public_key& by,
                        const signature_verifier& verifier);

/// Errors: invalid_argument (no channel's name, nothing that holds at any time), io.
result<signed_statement> sign_channel_key(const channel_key_statement& what, const message_signer& root);
result<signed_statement> sign_succession(const succession_statement& what, const message_signer& root);

/// What a root that is trusted said. Errors: permission_denied (not signed by it), corrupt (signed, but by a
/// program that encodes otherwise).
result<channel_key_statement> verified_channel_key(const signed_statement& what, const public_key& root,
                                                   const signature_verifier& verifier);
result<succession_statement> verified_succession(const signed_statement& what, const public_key& root,
                                                 const signature_verifier& verifier);

/// Errors: invalid_argument (follows itself, never holds), io; and as verified_channel_key.
result<signed_statement> sign_root_succession(const root_succession_statement& what,
                                              const message_signer& before);
result<root_succession_statement> verified_root_succession(const signed_statement& what,
                                                           const public_key& before,
                                                           const signature_verifier& verifier);

/// A signed statement as bytes, and back: the body's length first. Errors: corrupt.
byte_vector encode_signed(const signed_statement& what);
result<signed_statement> decode_signed(byte_span bytes,
                                       std::size_t body_bytes_max = signed_statement::body_bytes_max);

}  // namespace graphite
