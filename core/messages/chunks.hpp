#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/content.hpp"
#include "core/credentials.hpp"
#include "core/error.hpp"
#include "core/ids.hpp"
#include "core/units.hpp"

/// \file What travels on the chunk port, as core structs. schemas/chunks.capnp says who asks what and when.

namespace graphite {

/// Named limits of the chunk port. A request over one is refused with too_large, an answer is cut short.
struct chunk_port_limits {
  static constexpr std::size_t request_bytes_max = 64 * KiB;
  static constexpr std::size_t header_bytes_max = 256 * KiB;  ///< first frame of a reply
  static constexpr std::size_t reply_bytes_max = 1 * MiB;     ///< raw bytes of a reply
  static constexpr std::size_t list_bytes_max = 48 * MiB;     ///< one chunk list; the only larger reply
  static constexpr std::size_t pages_max = 256;
  static constexpr std::size_t page_bytes_max = 64 * KiB;
  static constexpr std::size_t ranges_max = 256;
  static constexpr std::size_t frames_max = 1 + 256;
  static constexpr std::size_t name_bytes_max = 128;
  static constexpr std::size_t message_text_max = 1024;
  static constexpr std::size_t tickets_max = 4;  ///< of one welcome
  static constexpr std::size_t address_bytes_max = 300;
  static constexpr std::size_t grants_max = 16;                      ///< told by one welcome
  static constexpr std::size_t welcome_bytes_max = 8 * KiB;          ///< a request of a peer without a grant
  static constexpr std::size_t revocations_piece_bytes = 256 * KiB;  ///< of each piece but the last
};
static_assert(chunk_port_limits::tickets_max * ticket_bytes_max < chunk_port_limits::welcome_bytes_max);

/// Chunks `first` … `first + count - 1` of a content; count 0: to the end.
struct chunk_range {
  digest content;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  asset_id asset{};  ///< one that has it in a kept generation of the channel; zero: not told
  auto operator<=>(const chunk_range&) const = default;
};

struct snapshot_request {
  std::string channel;
  bool operator==(const snapshot_request&) const = default;
};
struct pages_request {
  std::vector<digest> pages;
  bool operator==(const pages_request&) const = default;
};
struct list_request {
  digest content;
  asset_id asset{};  ///< see chunk_range
  bool operator==(const list_request&) const = default;
};
/// `credit_bytes`: how many raw bytes the asker takes now; a larger range is answered in part and asked
/// for again from the first chunk that is missing.
struct contents_request {
  std::vector<chunk_range> ranges;
  std::uint32_t credit_bytes = 0;
  bool operator==(const contents_request&) const = default;
};
struct behind_request {
  digest content;
  bool operator==(const behind_request&) const = default;
};
/// Which generation a runtime node has accepted (all bytes there) and which one its readers see.
struct ack_request {
  incarnation_id who;
  std::string name;  ///< host:pid, for people
  std::string channel;
  lineage_id lineage;
  epoch_number accepted_epoch, active_epoch;
  sequence_number accepted_sequence, active_sequence;
  digest active_root;
  bool operator==(const ack_request&) const = default;
};

/// A piece of the list of revoked keys that a heartbeat names.
struct revocations_request {
  digest list;
  std::uint32_t offset = 0;
  bool operator==(const revocations_request&) const = default;
};

/// Tickets for a grant: the only request that a port with keys answers without one.
struct welcome_request {
  incarnation_id who;
  std::vector<byte_vector> tickets;  ///< encode_ticket
  bool operator==(const welcome_request&) const = default;
};

using chunk_request = std::variant<snapshot_request, pages_request, list_request, contents_request,
                                   behind_request, ack_request, welcome_request, revocations_request>;

/// A request in the name of a channel. A port with keys answers what the grant for the channel covers: pages,
/// contents and side objects of the channel's generations that it keeps, no others.
struct scoped_request {
  std::string channel;  ///< empty: not told, only to a port without keys
  chunk_request what;
  bool operator==(const scoped_request&) const = default;
};

/// Raw frames: the head's bytes, then index pages from the root down, as a hint of what will be asked.
struct snapshot_reply {
  std::uint64_t pages = 0;  ///< in the index, about; for progress bars. Zero: unknown
  std::uint64_t bytes = 0;  ///< of all contents, about; zero: unknown
  bool operator==(const snapshot_reply&) const = default;
};
/// Raw frames: the pages that are there, in the order of `present`'s set bits.
struct pages_reply {
  std::vector<bool> present;  ///< one for each page asked for; answers may end early
  bool operator==(const pages_reply&) const = default;
};
/// One raw frame: the list's first blob as bundle/chunk_list.hpp encodes it; for a list of two levels a
/// second one: its sub-lists' bytes one after the other.
struct list_reply {
  bool operator==(const list_reply&) const = default;
};
/// One raw frame for each range that has `chunks` > 0, their bytes one after the other.
struct contents_reply {
  struct piece {
    bool absent = false;       ///< the server does not have the content
    std::uint32_t chunks = 0;  ///< sent, from the range's first
    bool operator==(const piece&) const = default;
  };
  std::vector<piece> pieces;  ///< one for each range asked for; answers may end early
  bool operator==(const contents_reply&) const = default;
};
/// One raw frame: the side object's bytes.
struct behind_reply {
  bool operator==(const behind_reply&) const = default;
};
struct ack_reply {
  bool operator==(const ack_reply&) const = default;
};
/// One raw frame: from the offset on revocations_piece_bytes, or fewer to the end. Refused with not_found
/// where another list is in force, with invalid_argument where the offset is not below its size.
struct revocations_reply {
  bool operator==(const revocations_reply&) const = default;
};
/// What the client has now, and where.
struct welcome_reply {
  struct grant {
    std::string channel;
    std::int64_t until_unix_ns = 0;
    bool operator==(const grant&) const = default;
  };
  std::string heads, chunks;  ///< HOST:PORT; an empty host: the one that was asked. Empty: not served
  std::vector<grant> grants;  ///< ascending by channel
  std::string refused;        ///< why other tickets were not taken; empty: all were
  bool operator==(const welcome_reply&) const = default;
};
/// The request was refused.
struct refusal {
  errc code = errc::unavailable;
  std::string message;
  bool operator==(const refusal&) const = default;
};

/// The header of a reply; its raw frames follow it.
using chunk_reply_header = std::variant<refusal, snapshot_reply, pages_reply, list_reply, contents_reply,
                                        behind_reply, ack_reply, welcome_reply, revocations_reply>;

struct chunk_reply {
  chunk_reply_header header;
  std::vector<byte_vector> frames;
  bool operator==(const chunk_reply&) const = default;
};

}  // namespace graphite
