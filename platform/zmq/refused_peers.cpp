#include "platform/zmq/refused_peers.hpp"

#include <fmt/format.h>
#include <zmq.h>

#include <chrono>

#include "core/messages/zap.hpp"

namespace graphite {

void refused_peers::write(const std::string& who, std::string_view why) {
  log_.write(log_level::warning, fmt::format("{}: refused {}: {}", port_, who, why),
             std::chrono::steady_clock::now());
}

void refused_peers::peer(std::string_view address, std::string_view why) {
  write(address.empty() ? "a peer" : fmt::format("a peer at {}", address), why);
}

void refused_peers::key(const curve_key& who, std::string_view why) {
  write("client " + user_id_of(who), why);
}

std::string_view handshake_failure_text(int value) {
  if (value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH) return "it shows no CURVE key";
  if (value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC)
    return "it does not have this server's key, or repeats what somebody else said";
  return "it does not keep to the handshake of CURVE";
}

}  // namespace graphite
