#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/credentials.hpp"
#include "core/ports/transport.hpp"

namespace graphite {

/// \file The questions that ZeroMQ asks about each peer (ZAP 1.0, rfc.zeromq.org/spec/27). Pure.

/// The domain that a port's sockets are in.
std::string_view zap_domain(served_port port);

/// May a peer, who has proved this key, connect?
struct zap_question {
  served_port port = served_port::heads;
  curve_key peer;
  bool operator==(const zap_question&) const = default;
};

/// Frames of a question and bytes of one frame at most; more is no question of ZeroMQ's.
inline constexpr std::size_t zap_frames_max = 16, zap_frame_bytes_max = 1024;

/// Reads the frames from the version on. Errors: corrupt (no question of ZAP 1.0), permission_denied (another
/// mechanism than CURVE, a domain that is none of ours).
result<zap_question> read_zap_question(std::span<const byte_vector> frames);

/// The answer's frames, to whatever was asked. `allowed` is the peer; absent: refused.
std::vector<std::string> zap_answer(std::span<const byte_vector> question, const result<curve_key>& allowed);

/// What the metadata `User-Id` of a peer's messages is, and back; nothing where it is no key.
std::string user_id_of(const curve_key& peer);
std::optional<curve_key> key_of_user_id(std::string_view user_id);

}  // namespace graphite
