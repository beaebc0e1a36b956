#include "gateway/service_connection.hpp"

#include <utility>

namespace graphite::service_session {

namespace {

capnp::ReaderOptions bounded_messages(const local_service_options& options) {
  capnp::ReaderOptions out;
  out.traversalLimitInWords = options.request_bytes_max / sizeof(capnp::word);
  out.nestingLimit = 16;
  return out;
}

}  // namespace

client_connection::client_connection(kj::AsyncIoStream& stream, std::shared_ptr<connection_state> state)
    : state_(std::move(state)),
      network_(stream, capnp::rpc::twoparty::Side::SERVER, bounded_messages(state_->shared.options)),
      rpc_(capnp::makeRpcServer(network_, make_gate(state_))) {
  state_->network = &network_;
  rpc_.setFlowLimit(4 * state_->shared.options.request_bytes_max / sizeof(capnp::word));
}

kj::Promise<void> client_connection::run(milliseconds hello_limit, milliseconds linger,
                                         milliseconds recheck) {
  auto out =
      network_.onDisconnect().exclusiveJoin(hello_is_late(hello_limit)).exclusiveJoin(was_refused(linger));
  if (!state_->from_network) return out;
  return out.exclusiveJoin(grant_ends(recheck, linger));
}

kj::Promise<void> client_connection::after(milliseconds wait) {
  return state_->shared.timer.afterDelay(wait.count() * kj::MILLISECONDS);
}

kj::Promise<void> client_connection::hello_is_late(milliseconds limit) {
  return after(limit).then([state = state_]() -> kj::Promise<void> {
    if (state->said_hello) return kj::NEVER_DONE;
    return kj::READY_NOW;
  });
}

kj::Promise<void> client_connection::was_refused(milliseconds linger) {
  return state_->when_answered.addBranch().then([this, linger]() -> kj::Promise<void> {
    if (state_->greeted) return kj::NEVER_DONE;
    return after(linger);
  });
}

kj::Promise<void> client_connection::grant_ends(milliseconds recheck, milliseconds linger) {
  return after(recheck).then([this, recheck, linger]() -> kj::Promise<void> {
    if (!state_->greeted) return grant_ends(recheck, linger);
    const auto& access = state_->shared.access;
    const auto counts = access.policy.still_counts(*state_->grant, *access.revoked(), access.unix_ns());
    if (counts) return grant_ends(recheck, linger);
    state_->shared.log.warn("ending a session: {}", counts.error().context);
    state_->end_holds();
    return after(linger);
  });
}

}  // namespace graphite::service_session
