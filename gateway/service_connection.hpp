#pragma once

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <memory>

#include "gateway/service_session.hpp"

namespace graphite::service_session {

/// The conversation with one client over a stream that outlives it. On the service's loop thread.
class client_connection {
 public:
  client_connection(kj::AsyncIoStream& stream, std::shared_ptr<connection_state> state);
  client_connection(const client_connection&) = delete;
  client_connection& operator=(const client_connection&) = delete;
  ~client_connection() { state_->network = nullptr; }

  /// Resolves when the peer is gone, did not say hello within `hello_limit`, or was refused `linger` ago; and
  /// as long after what it was granted counts no more, which is looked at each `recheck`.
  kj::Promise<void> run(milliseconds hello_limit, milliseconds linger, milliseconds recheck);

 private:
  kj::Promise<void> hello_is_late(milliseconds limit);
  kj::Promise<void> was_refused(milliseconds linger);
  kj::Promise<void> grant_ends(milliseconds recheck, milliseconds linger);
  kj::Promise<void> after(milliseconds wait);

  // The order is that of their lives: network, RPC.
  std::shared_ptr<connection_state> state_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
};

}  // namespace graphite::service_session
