#pragma once

#include <kj/async-io.h>
#include <kj/compat/tls.h>

#include <list>
#include <memory>
#include <string>

#include "gateway/paced_acceptor.hpp"
#include "gateway/refusal_log.hpp"
#include "gateway/service_session.hpp"

namespace graphite::service_session {

/// One TCP port for clients: lets each prove who it is, on the service's loop thread, without ever waiting
/// for one of them. With TLS or, on loopback, without.
///
/// Bounds are those of network_limits. A client that has not proved anything can be closed for a newer one:
/// who opens many connections and says nothing keeps nobody out.
class network_port final : private kj::TaskSet::ErrorHandler {
 public:
  struct kind {
    kj::Maybe<kj::Own<kj::TlsContext>> tls;
    wanted_proof wants = wanted_proof::none;  ///< none: the certificate
  };

  network_port(kj::Own<kj::ConnectionReceiver> receiver, kind what, std::shared_ptr<shared_state> shared);
  ~network_port() noexcept(false);

  /// For clients to come.
  void use_tls(kj::Own<kj::TlsContext> tls) { kind_.tls = kj::mv(tls); }
  wanted_proof wants() const { return kind_.wants; }

  /// Never ends, whatever goes wrong with one client.
  kj::Promise<void> run();

 private:
  class visitor;

  void admit(kj::AuthenticatedStream client);
  void close_oldest();
  void taskFailed(kj::Exception&& problem) override;
  const network_limits& limits() const { return shared_->options.network.limits; }

  kind kind_;
  std::shared_ptr<shared_state> shared_;
  paced_acceptor acceptor_;
  refusal_log refusals_;
  std::list<visitor*> unauthenticated_;  ///< oldest first
  std::uint32_t greeted_ = 0;
  kj::TaskSet visitors_;  // last: they use all of the above
};

}  // namespace graphite::service_session
