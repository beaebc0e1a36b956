#pragma once

#include <string>
#include <vector>

#include "core/content.hpp"
#include "core/logical_path.hpp"
#include "core/units.hpp"

/// \file What travels on the heads port, as core structs. schemas/heads.capnp says who sends what and when.

namespace graphite {

/// Clock readings of one change's way, CLOCK_MONOTONIC of the machine named by announcement::clock.
/// Zero: not reached or not known.
struct announced_times {
  time_point edited{}, noticed{}, hashed{}, invalidated{}, scheduled{}, built{}, published{};
  bool operator==(const announced_times&) const = default;
};

struct announced_list {
  digest content;
  chunk_list list;
  bool operator==(const announced_list&) const = default;
};

struct announced_chunk {
  digest id;
  byte_vector bytes;
  bool operator==(const announced_chunk&) const = default;
};

/// A new generation: its head, what changed, and as much of the bytes as fits.
///
/// Nothing in it is trusted: the receiver recomputes the root from its own tree and the changed entries,
/// each list's digest from the list and each chunk's from its bytes.
struct announcement {
  static constexpr std::size_t message_bytes_max = 1 * MiB;  ///< of the encoding
  static constexpr std::size_t entries_max = 8192;           ///< upserts, and removals
  static constexpr std::size_t record_bytes_max = 64 * KiB;
  static constexpr std::size_t lists_max = 1024;
  static constexpr std::size_t listed_chunks_max = 8192;  ///< in all lists
  static constexpr std::size_t chunks_max = 1024;         ///< inline, inline_bytes_max bytes in all
  static constexpr std::size_t head_bytes_max = 4096;
  static constexpr std::size_t signature_bytes_max = 1024;

  byte_vector head;       ///< bundle/head_codec.hpp, the bytes a signature covers
  byte_vector signature;  ///< empty until channels have keys
  /// The generation that the changes start from. The root decides; the numbers are for people.
  digest base_root;
  epoch_number base_epoch;
  sequence_number base_sequence;
  /// False: more changed than fits; the receiver compares index pages instead.
  bool complete = true;
  std::vector<byte_vector> upserts;    ///< asset records as the index encodes them, ascending by path
  std::vector<logical_path> removals;  ///< ascending
  std::vector<announced_list> lists;   ///< of changed contents that have more than one chunk
  std::vector<announced_chunk> chunks;
  announced_times times;
  uuid clock;  ///< boot id of the machine whose clock `times` are; zero: compare with nothing
  trace_id trace;
  bool operator==(const announcement&) const = default;
};

/// Which process publishes, and where its chunks are.
struct publisher_place {
  incarnation_id publisher;
  std::string chunk_host;        ///< empty: the host that the heads come from
  std::uint16_t chunk_port = 0;  ///< zero: no chunks are served
  bool operator==(const publisher_place&) const = default;
};

/// What a channel serves now, in few bytes.
struct channel_state {
  std::string channel;  ///< is_channel_name
  lineage_id lineage;
  epoch_number epoch;
  sequence_number sequence;
  digest root;
  std::int64_t expires_unix_ns = 0;  ///< after this the record proves nothing; zero: never expires
  /// Of all the rest and of the place that the heartbeat names; empty until channels have keys.
  byte_vector signature;
  bool operator==(const channel_state&) const = default;
};

/// Signed statements that runtimes have to know beside heads and states.
struct trust_news {
  static constexpr std::size_t vouchers_max = 16, voucher_bytes_max = 512;
  static constexpr std::size_t revocations_bytes_max = 64 * KiB;
  /// What is fetched from the chunk port.
  struct list_name {
    digest id;                ///< SHA-256 of the encoded list
    std::uint32_t bytes = 0;  ///< at most core/credentials.hpp's revocations_bytes_max; zero: none is named
    bool operator==(const list_name&) const = default;
  };
  std::vector<byte_vector> vouchers;  ///< successions of roots and lineages, encoded; the newest last
  byte_vector revocations;            ///< the list in force, encoded; empty: there is none, or it is `longer`
  list_name longer{};                 ///< the list in force where it is longer than revocations_bytes_max
  bool operator==(const trust_news&) const = default;
};

/// Sent each `period`, and to those who join: state, not events.
struct heartbeat {
  static constexpr milliseconds period{500};
  static constexpr std::size_t message_bytes_max = 256 * KiB;
  static constexpr std::size_t channels_max = 256;
  static constexpr std::size_t host_bytes_max = 255;

  publisher_place place;
  std::vector<channel_state> channels;  ///< ascending by name
  trust_news news;
  bool operator==(const heartbeat&) const = default;
};

}  // namespace graphite
