#pragma once

#include "bundle/head_codec.hpp"
#include "core/messages/heads.hpp"
#include "core/ports/head_signer.hpp"
#include "core/statements.hpp"

namespace graphite {

/// \file What goes with a head or a state so that who hears it can tell who made it (docs/decisions/0013).
/// Pure.

/// Who signed, and that this key may. Fits into a head: at most head_signature_bytes_max.
struct signature_block {
  signed_statement key;  ///< a channel_key statement
  signature by;          ///< of the head or state, by the key that the statement names
  bool operator==(const signature_block&) const = default;
};

byte_vector encode_signature_block(const signature_block& block);
/// Errors: corrupt.
result<signature_block> decode_signature_block(byte_span bytes);

/// What a signature of a state covers: all of it but the signature, and the place that the heartbeat names,
/// so that nobody on the way sends who hears it elsewhere.
byte_vector signed_part(const channel_state& state, const publisher_place& place);
/// What a signature of a head covers: the first head_shared_bytes of its encoding with one. Errors: as
/// encode_head.
result<byte_vector> signed_part(const head& value, const hasher& hash);

/// The block of a head whose signed part is `shared`, or of a state. Errors: io.
result<byte_vector> signed_head(byte_span shared, const signed_statement& key, const message_signer& signer);
result<byte_vector> signed_state(const channel_state& state, const publisher_place& place,
                                 const signed_statement& key, const message_signer& signer);

/// The block of `value` by `signer`; empty without one. Errors: as encode_head and head_signer.
result<byte_vector> signature_of(const head& value, const hasher& hash, const head_signer* signer);

}  // namespace graphite
