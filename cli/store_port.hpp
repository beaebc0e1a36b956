#pragma once

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/ports/clock.hpp"
#include "core/ports/store_transport.hpp"
#include "relay/store_service.hpp"

namespace graphite {

/// A store's port, bytes in, bytes out: decodes, lets the service answer, and syncs the store for those that
/// wait. Thread-safe.
class store_port final : public store_handler {
 public:
  /// `store`, `hash` and `clock` outlive it. Nobody else writes to `store`, and what it has is durable.
  store_port(chunk_store& store, const hasher& hash, const clock_source& clock,
             store_uploads::options uploads = {});

  std::optional<frames> handle(ticket request, const std::optional<curve_key>& peer,
                               std::span<const byte_span> message) override;
  std::vector<std::pair<ticket, frames>> flush() override;

 private:
  chunk_store& store_;
  const clock_source& clock_;
  std::mutex mutex_;  ///< of the service; not held while the store syncs
  store_service service_;
  time_point lapsed_{};
};

}  // namespace graphite
