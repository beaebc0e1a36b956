#pragma once

#include "actors/published_state.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/transport.hpp"
#include "relay/chunk_service.hpp"

namespace graphite {

/// The chunk port's handler: bytes in, frames out. Called by the server's thread only.
class chunk_port final : public chunk_handler {
 public:
  /// Everything outlives the port.
  chunk_port(const chunk_store& contents, const hasher& hash, published_state& published, const clock_source& clock);
  std::vector<byte_vector> handle(byte_span peer, byte_span request) override;

 private:
  published_state& published_;
  const clock_source& clock_;
  chunk_service service_;
};

}  // namespace graphite
