#pragma once

#include <functional>
#include <optional>

#include "bundle/asset.hpp"
#include "bundle/head.hpp"
#include "core/error.hpp"
#include "core/messages/heads.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/head_signer.hpp"

namespace graphite {

/// One new generation, as the channel knows it when its journal record is synced.
struct announcer_input {
  head now;
  digest base_root;  ///< root of the generation before; the empty index's for the first
  epoch_number base_epoch;
  sequence_number base_sequence;
  const asset_changes* changes = nullptr;  ///< from base to now; never null
  announced_times times;
  uuid clock;  ///< boot id of this machine
  trace_id trace;
  const head_signer* signer = nullptr;  ///< null: nothing is signed
};

/// What the announcer asks of the store; both must be quick (memory or page cache).
struct announcer_source {
  /// The chunk list of a content; nothing: not told, the receiver asks for it.
  std::function<std::optional<chunk_list>(const content_ref&)> list;
  /// All bytes of a content of at most inline_bytes_max; nothing: not told.
  std::function<std::optional<byte_vector>(const content_ref&)> bytes;
};

/// Builds the announcement of a generation. Pure but for `source`. Cost O(changes).
///
/// Carries the changed records while they fit (else `complete` is false and none are carried), lists of
/// contents with more than one chunk, and contents, smallest first, while inline_bytes_max holds in all.
/// Equal contents ride once.
/// Errors: invalid_argument where the head cannot be encoded.
result<announcement> make_announcement(const announcer_input& input, const announcer_source& source,
                                       const hasher& hash);

/// The head as heads and snapshots carry it. Errors: also those of `signer`, which may be null.
result<byte_vector> encode_wire_head(const head& now, const hasher& hash,
                                     const head_signer* signer = nullptr);

/// One record of the heartbeat, which names `place`. `lives_for` after `unix_ns` it expires. Errors: those of
/// `signer`, which may be null.
result<channel_state> make_channel_state(const head& now, const publisher_place& place, std::int64_t unix_ns,
                                         duration lives_for, const head_signer* signer = nullptr);

}  // namespace graphite
