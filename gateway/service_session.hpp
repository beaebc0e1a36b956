#pragma once

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/timer.h>

#include <atomic>
#include <memory>
#include <optional>
#include <set>

#include "gateway/local_service.hpp"
#include "schemas/service.capnp.h"

/// \file The capabilities of one client of a local service. Everything here lives on the service's loop
/// thread, except where noted.

namespace graphite::service_session {

namespace wire = schema::service;

/// A hold in force. Destroyed anywhere, on any thread: the facade is told to release it.
class hold_lease {
 public:
  hold_lease(service_facade& facade, std::uint64_t token) : facade_(&facade), token_(token) {}
  hold_lease(const hold_lease&) = delete;
  hold_lease& operator=(const hold_lease&) = delete;
  ~hold_lease();

  /// The token, which is the caller's to release from now on; nothing if it was taken before.
  std::optional<std::uint64_t> take();

 private:
  service_facade* facade_;
  std::optional<std::uint64_t> token_;
};

/// A hold that a client keeps a capability of.
struct active_hold {
  explicit active_hold(std::unique_ptr<hold_lease> of,
                       kj::PromiseFulfillerPair<void> paf = kj::newPromiseAndFulfiller<void>())
      : lease(std::move(of)), ended(kj::mv(paf.fulfiller)), when_ended(paf.promise.fork()) {}

  /// Takes the token out and wakes who waits for the end; nothing if it has ended.
  std::optional<std::uint64_t> end() {
    ended->fulfill();
    return lease->take();
  }

  std::unique_ptr<hold_lease> lease;
  kj::Own<kj::PromiseFulfiller<void>> ended;
  kj::ForkedPromise<void> when_ended;
};

/// What all clients of one service share.
struct shared_state {
  shared_state(service_facade& asked, const local_service_options& limits, log_sink& sink, kj::Timer& time)
      : facade(asked), options(limits), log(sink), timer(time) {}

  service_facade& facade;
  const local_service_options& options;
  log_sink& log;
  kj::Timer& timer;
  /// Replies the facade owes; outlives the service because a late reply still counts itself out.
  std::shared_ptr<std::atomic<std::uint32_t>> outstanding = std::make_shared<std::atomic<std::uint32_t>>(0);
  std::set<active_hold*> holds;  ///< of all clients
};

/// What one connection has; outlives its capabilities, which may outlive the connection.
struct connection_state {
  connection_state(std::shared_ptr<shared_state> of_service, bool over_limit)
      : owner(std::move(of_service)), shared(*owner), too_many(over_limit) {}

  std::shared_ptr<shared_state> owner;
  shared_state& shared;
  capnp::TwoPartyVatNetwork* network = nullptr;
  std::uint32_t calls = 0;
  bool greeted = false;
  bool too_many;  ///< over connections_max: hello says `busy`
};

/// The bootstrap capability of a connection.
wire::Gate::Client make_gate(std::shared_ptr<connection_state> connection);

}  // namespace graphite::service_session
