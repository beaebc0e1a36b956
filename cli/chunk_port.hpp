#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "cli/peer_gate.hpp"
#include "core/limited_log.hpp"
#include "relay/ack_summary.hpp"
#include "relay/chunk_service.hpp"
#include "relay/kept_generations.hpp"
#include "relay/request_limits.hpp"

namespace graphite {

/// What a chunk port with keys works with; all outlive it.
struct chunk_port_security {
  peer_gate* gate = nullptr;
  kept_generations* kept = nullptr;
  log_sink* log = nullptr;  ///< gets who enrolled and who was refused what
  request_limits::options limits;
  event_rate lines{2, 20};  ///< of the log; the others are counted
};

/// The chunk port's bytes in, bytes out: decodes, lets the service answer, keeps acks. Thread-safe.
///
/// With keys: who has no grant can only enrol; each request is checked against the grant and what belongs to
/// its channel.
class chunk_port final : public chunk_handler {
 public:
  /// Without `security`: a port without keys.
  chunk_port(chunk_service service, const clock_source& clock,
             std::optional<chunk_port_security> security = std::nullopt);

  /// Where the ports are, for those who enrol: HOST:PORT, an empty host is the one that they asked.
  void set_endpoints(std::string heads, std::string chunks);

  std::vector<byte_vector> handle(const std::optional<curve_key>& peer, byte_span request) override;
  /// Who runs what, the silent left out.
  std::vector<ack_summary::peer> peers();

 private:
  chunk_reply answer(const scoped_request& request);
  result<chunk_reply> answer_secured(const curve_key& peer, byte_span request);
  result<chunk_reply> welcome(const curve_key& peer, const welcome_request& request);
  result<chunk_reply> checked(const scoped_request& request);
  result<void> check_grant(const curve_key& peer, std::string_view channel);
  void tell(const curve_key& peer, const result<enrolled>& how);
  void log(log_level level, std::string_view text);

  const chunk_service service_;
  const clock_source& clock_;
  const std::optional<chunk_port_security> security_;
  std::mutex mutex_;
  ack_summary acks_{ack_summary::options{}};
  request_limits limits_;
  limited_log logged_;
  std::string heads_, chunks_;
};

}  // namespace graphite
