#pragma once

#include <mutex>
#include <vector>

#include "core/ports/clock.hpp"
#include "core/ports/transport.hpp"
#include "relay/ack_summary.hpp"
#include "relay/chunk_service.hpp"

namespace graphite {

/// The chunk port's bytes in, bytes out: decodes, lets the service answer, keeps acks. Thread-safe.
class chunk_port final : public chunk_handler {
 public:
  chunk_port(chunk_service service, const clock_source& clock)
      : service_(std::move(service)), clock_(clock) {}

  std::vector<byte_vector> handle(byte_span peer, byte_span request) override;
  /// Who runs what, the silent left out.
  std::vector<ack_summary::peer> peers();

 private:
  const chunk_service service_;
  const clock_source& clock_;
  std::mutex mutex_;
  ack_summary acks_{ack_summary::options{}};
};

}  // namespace graphite
