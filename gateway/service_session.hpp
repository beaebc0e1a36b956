#pragma once

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/timer.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>

#include "gateway/access_policy.hpp"
#include "gateway/identity_table.hpp"
#include "gateway/live_revocations.hpp"
#include "gateway/local_service.hpp"
#include "gateway/start_token.hpp"
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

struct connection_state;

/// A hold that a client keeps a capability of.
struct active_hold {
  active_hold(connection_state& holder, std::unique_ptr<hold_lease> held,
              kj::PromiseFulfillerPair<void> paf = kj::newPromiseAndFulfiller<void>())
      : of(holder), lease(std::move(held)), ended(kj::mv(paf.fulfiller)), when_ended(paf.promise.fork()) {}

  /// Takes the token out and wakes who waits for the end; nothing if it has ended.
  std::optional<std::uint64_t> end() {
    ended->fulfill();
    return lease->take();
  }

  connection_state& of;
  std::unique_ptr<hold_lease> lease;
  kj::Own<kj::PromiseFulfiller<void>> ended;
  kj::ForkedPromise<void> when_ended;
};

/// Which clients are let in, and what they use. One of a service.
struct admission {
  explicit admission(const network_options& options);

  std::int64_t unix_ns() const;
  std::shared_ptr<const revocations_statement> revoked() const { return revocations->now(); }

  access_policy policy;
  std::shared_ptr<const live_revocations> revocations;
  std::function<std::int64_t()> time_of_day;
  std::optional<start_token> token;  ///< of this start, where there are ports without keys
  identity_table identities;
};

/// What all clients of one service share.
struct shared_state {
  shared_state(service_facade& asked, const local_service_options& limits, log_sink& sink, kj::Timer& time,
               admission& let_in)
      : facade(asked), options(limits), log(sink), timer(time), access(let_in) {}

  service_facade& facade;
  const local_service_options& options;
  log_sink& log;
  kj::Timer& timer;
  admission& access;
  /// Replies the facade owes; outlives the service because a late reply still counts itself out.
  std::shared_ptr<std::atomic<std::uint32_t>> outstanding = std::make_shared<std::atomic<std::uint32_t>>(0);
  std::set<active_hold*> holds;  ///< of all clients
  std::uint32_t watches = 0;     ///< of jobs, of all clients
};

/// What hello has to bring before a client is known.
enum class wanted_proof { none, token, start_token };

/// What one connection has; outlives its capabilities, which may outlive the connection.
///
///   silent --hello--> greeted --revoked, expired--> (every call is refused, then the connection ends)
///          --hello--> refused --a moment to read why--> (ends)
struct connection_state {
  explicit connection_state(std::shared_ptr<shared_state> of_service)
      : connection_state(std::move(of_service), kj::newPromiseAndFulfiller<void>()) {}

  /// Ends the leases of its holds: they count for others, which is no longer its right.
  void end_holds();

  std::shared_ptr<shared_state> owner;
  shared_state& shared;
  capnp::TwoPartyVatNetwork* network = nullptr;
  wanted_proof wants = wanted_proof::none;
  std::optional<access_grant> grant;             ///< once it is known
  std::optional<error> refusal;                  ///< the answer to hello, whatever it brings
  std::unique_ptr<identity_table::visit> visit;  ///< of clients from the network, once greeted
  bool from_network = false;
  bool said_hello = false;  ///< well or not
  bool greeted = false;
  std::uint32_t calls = 0;
  std::uint32_t watches = 0;  ///< of jobs
  /// Takes the client's place at its port, right before it is greeted. Errors: busy.
  std::function<result<void>()> enter = [] { return result<void>(); };
  kj::Own<kj::PromiseFulfiller<void>> answered;  ///< hello, well or not
  kj::ForkedPromise<void> when_answered;

 private:
  connection_state(std::shared_ptr<shared_state> of_service, kj::PromiseFulfillerPair<void> paf)
      : owner(std::move(of_service)),
        shared(*owner),
        answered(kj::mv(paf.fulfiller)),
        when_answered(paf.promise.fork()) {}
};

/// Everything that a client which said hello may ask; connection->grant is set.
wire::Session::Client make_session(std::shared_ptr<connection_state> connection);

/// The bootstrap capability of a connection.
wire::Gate::Client make_gate(std::shared_ptr<connection_state> connection);

}  // namespace graphite::service_session
