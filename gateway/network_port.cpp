#include "gateway/network_port.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <optional>

#include "gateway/metered_stream.hpp"
#include "gateway/service_connection.hpp"
#include "gateway/tls_context.hpp"

namespace graphite::service_session {

namespace {

/// A peer that went without a word is noticed: its holds would count for ever.
void notice_silence(kj::AsyncIoStream& stream) {
  const int yes = 1, idle_seconds = 15, interval_seconds = 5, probes = 3, unacknowledged_ms = 30'000;
  stream.setsockopt(SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
  stream.setsockopt(IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  stream.setsockopt(IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof interval_seconds);
  stream.setsockopt(IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  stream.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
}

}  // namespace

/// One client from its first byte on. The members' order is their lives': socket, TLS, conversation.
class network_port::visitor {
 public:
  visitor(network_port& port, kj::AuthenticatedStream client)
      : port_(port),
        name_(client.peerIdentity->toString().cStr()),
        network_identity_(kj::mv(client.peerIdentity)),
        socket_(kj::mv(client.stream), port.limits().bytes_before_hello_max,
                [this] { port_.refusals_.tell(name_, "too many bytes before it has said who it is"); }),
        state_(std::make_shared<connection_state>(port.shared_)) {
    place_ = port_.unauthenticated_.insert(port_.unauthenticated_.end(), this);
    state_->from_network = true;
    state_->wants = port_.kind_.wants;
    state_->enter = [this] { return enter(); };
  }
  visitor(const visitor&) = delete;
  visitor& operator=(const visitor&) = delete;
  ~visitor() {
    state_->enter = [] { return result<void>(fail(errc::unavailable, "the connection has ended")); };
    if (place_)
      port_.unauthenticated_.erase(*place_);
    else if (entered_)
      --port_.greeted_;
  }

  kj::Promise<void> run() {
    return kj::evalNow([this] { return prove(); }).exclusiveJoin(kj::mv(closed_.promise));
  }

  /// For a newer one.
  void close() {
    leave_queue();
    port_.refusals_.tell(name_, "it said nothing while others came");
    closed_.fulfiller->fulfill();
  }

 private:
  kj::Promise<void> prove() {
    notice_silence(socket_);
    KJ_IF_MAYBE (tls, port_.kind_.tls) return handshake(**tls);
    return converse(socket_);
  }

  kj::Promise<void> handshake(kj::TlsContext& tls) {
    // Not owned: what TLS has to say of a failure is sent before the socket is closed.
    kj::AuthenticatedStream raw{kj::Own<kj::AsyncIoStream>(&socket_, kj::NullDisposer::instance),
                                kj::mv(network_identity_)};
    auto late = port_.shared_->timer.afterDelay(port_.limits().handshake_timeout.count() * kj::MILLISECONDS)
                    .then([]() -> kj::Promise<kj::AuthenticatedStream> {
                      return KJ_EXCEPTION(DISCONNECTED, "no TLS handshake in time");
                    });
    return tls.wrapServer(kj::mv(raw))
        .exclusiveJoin(kj::mv(late))
        .then([this](kj::AuthenticatedStream client) { return authenticated(kj::mv(client)); },
              [this](kj::Exception&& problem) { return refused(problem); });
  }

  kj::Promise<void> authenticated(kj::AuthenticatedStream client) {
    tls_ = kj::mv(client.stream);
    if (state_->wants == wanted_proof::none) check_certificate(*client.peerIdentity);
    return converse(*tls_);
  }

  void check_certificate(kj::PeerIdentity& identity) {
    auto& shown = kj::downcast<kj::TlsPeerIdentity>(identity);
    const auto name = shown.getCommonName();
    const auto& access = port_.shared_->access;
    auto grant =
        access.policy.by_certificate({name.begin(), name.size()}, *access.revoked(), access.unix_ns());
    if (grant)
      state_->grant = std::move(*grant);
    else
      state_->refusal = std::move(grant).error();
  }

  kj::Promise<void> converse(kj::AsyncIoStream& stream) {
    conversation_.emplace(stream, state_);
    const auto& limits = port_.limits();
    return conversation_
        ->run(port_.shared_->options.hello_timeout, limits.refused_linger, limits.recheck_interval)
        .exclusiveJoin(state_->when_answered.addBranch().then([this]() -> kj::Promise<void> {
          if (!state_->greeted && state_->refusal) port_.refusals_.tell(name_, state_->refusal->context);
          return kj::NEVER_DONE;
        }));
  }

  /// Lets the other side read why, which a reset would take from it.
  kj::Promise<void> refused(const kj::Exception& problem) {
    const std::string text = problem.getDescription().cStr();
    port_.refusals_.tell(name_, tls_failure_text(text).value_or(text));
    socket_.shutdownWrite();
    auto late = port_.shared_->timer.afterDelay(port_.limits().refused_linger.count() * kj::MILLISECONDS);
    return socket_.drain().exclusiveJoin(kj::mv(late));
  }

  result<void> enter() {
    if (port_.greeted_ >= port_.limits().connections_max)
      return fail(errc::busy, "the service has too many clients; try again");
    leave_queue();
    entered_ = true;
    ++port_.greeted_;
    socket_.stop_counting();
    return {};
  }

  void leave_queue() {
    if (place_) port_.unauthenticated_.erase(*place_);
    place_.reset();
  }

  network_port& port_;
  const std::string name_;
  kj::Own<kj::PeerIdentity> network_identity_;
  metered_stream socket_;
  kj::Own<kj::AsyncIoStream> tls_;
  std::shared_ptr<connection_state> state_;
  std::optional<client_connection> conversation_;
  std::optional<std::list<visitor*>::iterator> place_;
  bool entered_ = false;
  kj::PromiseFulfillerPair<void> closed_ = kj::newPromiseAndFulfiller<void>();
};

network_port::network_port(kj::Own<kj::ConnectionReceiver> receiver, kind what,
                           std::shared_ptr<shared_state> shared)
    : kind_(kj::mv(what)),
      shared_(std::move(shared)),
      acceptor_(kj::mv(receiver), limits().accepts, shared_->timer, shared_->log),
      refusals_(shared_->log, "", limits().refusals_logged),
      visitors_(*this) {}

network_port::~network_port() noexcept(false) = default;

kj::Promise<void> network_port::run() {
  return acceptor_.run([this](kj::AuthenticatedStream client) { admit(kj::mv(client)); });
}

void network_port::admit(kj::AuthenticatedStream client) {
  if (unauthenticated_.size() >= limits().unauthenticated_max) close_oldest();
  auto one = kj::heap<visitor>(*this, kj::mv(client));
  auto done = one->run();
  visitors_.add(done.attach(kj::mv(one)));
}

void network_port::close_oldest() {
  if (!unauthenticated_.empty()) unauthenticated_.front()->close();
}

void network_port::taskFailed(kj::Exception&& problem) {
  shared_->log.debug("a client's connection broke: {}", problem.getDescription().cStr());
}

}  // namespace graphite::service_session
