#pragma once

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/hello_messages.hpp"
#include "core/messages/chunks.hpp"

/// \file What travels between nodes and the stores of a cluster, as core structs. schemas/stores.capnp says
/// who asks what and when. Bytes of contents are raw frames beside a message, never in it.

namespace graphite {

/// Named limits of a store's port. What is over one is refused with too_large; answers are cut short.
struct store_port_limits {
  static constexpr std::size_t header_bytes_max = 128 * KiB;  ///< first frame of a request or a reply
  static constexpr std::size_t raw_bytes_max = 1 * MiB;       ///< raw bytes of a request or a reply
  static constexpr std::size_t contents_max = 1024;           ///< of one `have`
  /// So long a client takes what it has seen in a store to be there still: for less than stores keep what
  /// nobody needs, as they do unless they are told otherwise.
  static constexpr duration seen_for = std::chrono::minutes(2);
  static constexpr std::size_t pieces_max = 256;  ///< of one `put`
  static constexpr std::size_t ranges_max = 256;  ///< of one `contents`
  static constexpr std::size_t looks_max = 64;    ///< of one `look`
  static constexpr std::size_t frames_max = 1 + 256;
  static constexpr std::size_t list_bytes_max = 48 * MiB;  ///< one chunk list; the only larger reply
  static constexpr std::size_t text_bytes_max = 1024;
  static constexpr std::size_t credential_bytes_max = 1 * KiB;
  static constexpr std::size_t enrol_bytes_max = 2 * KiB;  ///< a request of a peer without a grant
  static constexpr std::uint64_t content_bytes_max = 64 * GiB;
  static constexpr std::uint64_t small_bytes_max = 32 * KiB;  ///< is sent without asking whether it is there
};

namespace stores {

/// Who the asker is: the only request that a port with keys answers without a grant.
struct enrol_request {
  enum class what {
    begin,  ///< of a hello (core/hello.hpp): answered by its challenge
    prove,  ///< `shown` is its answer: answered by its proof
    pass,   ///< `shown` is a pass (core/store_pass.hpp): answered by nothing but consent
  };
  what step = what::begin;
  byte_vector shown = {};
  bool operator==(const enrol_request&) const = default;
};

/// Which of these contents the store has durably.
struct have_request {
  std::vector<digest> contents;
  bool operator==(const have_request&) const = default;
};

/// Bytes of a content, from `offset` on: one raw frame.
struct put_piece {
  content_ref content;
  std::uint64_t offset = 0;
  bool operator==(const put_piece&) const = default;
};

/// Pieces of contents to be kept. One that begins at zero and is all of its content is kept at once; others
/// go on where the last one of this asker ended.
struct put_request {
  incarnation_id who;
  std::vector<put_piece> pieces;
  bool operator==(const put_request&) const = default;
};

/// Contents whose bytes were wrong where they came in.
struct look_request {
  std::vector<digest> contents;
  bool operator==(const look_request&) const = default;
};

using request =
    std::variant<enrol_request, have_request, put_request, list_request, contents_request, look_request>;

struct enrol_reply {
  byte_vector shown = {};  ///< challenge or proof; empty for a pass
  bool operator==(const enrol_reply&) const = default;
};
struct have_reply {
  std::vector<bool> durable;  ///< one for each content asked for
  bool operator==(const have_reply&) const = default;
};
/// What became of a piece.
struct put_outcome {
  enum class what {
    durable,  ///< the whole content is: the digest is right, and it is synced
    partly,   ///< the store has it up to `have`: go on there
    refused,
  };
  what state = what::refused;
  std::uint64_t have = 0;         ///< where it is there partly
  errc code = errc::unavailable;  ///< of a refusal
  bool operator==(const put_outcome&) const = default;
};
struct put_reply {
  std::vector<put_outcome> pieces;  ///< one for each of the request
  bool operator==(const put_reply&) const = default;
};

struct look_reply {
  bool operator==(const look_reply&) const = default;
};

using reply_header =
    std::variant<refusal, enrol_reply, have_reply, put_reply, list_reply, contents_reply, look_reply>;

struct reply {
  reply_header header;
  std::vector<byte_vector> frames;
  bool operator==(const reply&) const = default;
};

}  // namespace stores
}  // namespace graphite
