#include "core/messages/zap.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/hex.hpp"

namespace graphite {

namespace {

// version, request, domain, address, routing id, mechanism; then credentials.
constexpr std::size_t zap_fixed_frames = 6;
constexpr std::string_view zap_version = "1.0";

std::optional<served_port> port_of_domain(std::string_view domain) {
  for (const auto port : {served_port::heads, served_port::chunks})
    if (domain == zap_domain(port)) return port;
  return {};
}

}  // namespace

std::string_view zap_domain(served_port port) {
  return port == served_port::heads ? "graphite.heads" : "graphite.chunks";
}

result<zap_question> read_zap_question(std::span<const byte_vector> frames) {
  if (frames.size() < zap_fixed_frames || frames.size() > zap_frames_max)
    return fail(errc::corrupt, fmt::format("a question of {} frames", frames.size()));
  for (const auto& frame : frames)
    if (frame.size() > zap_frame_bytes_max)
      return fail(errc::corrupt, fmt::format("a frame of {} bytes", frame.size()));
  if (as_text(frames[0]) != zap_version) return fail(errc::corrupt, "not version 1.0 of ZAP");
  if (as_text(frames[5]) != "CURVE") return fail(errc::permission_denied, "a peer without a CURVE key");
  zap_question out;
  if (frames.size() != zap_fixed_frames + 1 || frames[6].size() != out.peer.bytes.size())
    return fail(errc::corrupt, "a CURVE key that is none");
  const auto port = port_of_domain(as_text(frames[2]));
  if (!port) return fail(errc::permission_denied, "a domain that is not served");
  out.port = *port;
  std::copy(frames[6].begin(), frames[6].end(), out.peer.bytes.begin());
  return out;
}

std::vector<std::string> zap_answer(std::span<const byte_vector> question, const result<curve_key>& allowed) {
  std::string request;
  if (question.size() > 1 && question[1].size() <= zap_frame_bytes_max) request = as_text(question[1]);
  if (allowed) return {std::string(zap_version), request, "200", "", user_id_of(*allowed), ""};
  return {std::string(zap_version), request, "400", allowed.error().context, "", ""};
}

std::string user_id_of(const curve_key& peer) { return hex_text(peer.bytes); }

std::optional<curve_key> key_of_user_id(std::string_view user_id) {
  curve_key out;
  const auto bytes = bytes_from_hex(user_id, out.bytes.size());
  if (!bytes || bytes->size() != out.bytes.size()) return {};
  std::copy(bytes->begin(), bytes->end(), out.bytes.begin());
  return out;
}

}  // namespace graphite
