#include "gateway/local_service.hpp"

#include <fmt/format.h>
#include <kj/async-io.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <list>
#include <thread>

#include "gateway/network_port.hpp"
#include "gateway/service_connection.hpp"
#include "gateway/service_ports.hpp"
#include "gateway/service_session.hpp"
#include "gateway/service_socket.hpp"
#include "gateway/tls_context.hpp"
#include "platform/linux/thread_name.hpp"
#include "platform/linux/thread_turns.hpp"

namespace graphite {

namespace {

constexpr int accept_backlog = 64;
constexpr milliseconds refused_linger{1'000};  // what a connection over the cap gets to say hello in
constexpr milliseconds accept_retry{100};      // after EMFILE and the like

using service_session::connection_state;
using service_session::shared_state;
using service_session::wanted_proof;

peer_credentials credentials_of(kj::AsyncIoStream& stream) {
  ucred raw{};
  kj::uint size = sizeof raw;
  stream.getsockopt(SOL_SOCKET, SO_PEERCRED, &raw, &size);
  return {raw.uid, raw.gid, raw.pid};
}

/// One client of the unix socket.
class local_client {
 public:
  local_client(kj::Own<kj::AsyncIoStream> stream, std::shared_ptr<connection_state> state)
      : state_(std::move(state)), stream_(kj::mv(stream)), conversation_(*stream_, state_) {}

  kj::Promise<void> run() {
    const auto limit = state_->refusal ? refused_linger : state_->shared.options.hello_timeout;
    return conversation_.run(limit, refused_linger, {});
  }

 private:
  std::shared_ptr<connection_state> state_;
  kj::Own<kj::AsyncIoStream> stream_;
  service_session::client_connection conversation_;
};

/// The loop's side of the service: accepts and keeps connections until it is destroyed.
class acceptor final : private kj::TaskSet::ErrorHandler {
 public:
  acceptor(kj::Own<kj::ConnectionReceiver> receiver, std::shared_ptr<shared_state> shared)
      : receiver_(kj::mv(receiver)), shared_(std::move(shared)), clients_(*this) {}

  /// Never ends, whatever goes wrong with one client.
  kj::Promise<void> run() {
    return receiver_->accept()
        .then([this](kj::Own<kj::AsyncIoStream> stream) { admit(kj::mv(stream)); })
        .catch_([this](kj::Exception&& problem) {
          shared_->log.warn("cannot accept a client: {}", problem.getDescription().cStr());
          return shared_->timer.afterDelay(accept_retry.count() * kj::MILLISECONDS);
        })
        .then([this] { return run(); });
  }

 private:
  void admit(kj::Own<kj::AsyncIoStream> stream) {
    const peer_credentials peer = credentials_of(*stream);
    if (!shared_->options.admit(peer)) {
      shared_->log.warn("refused a client of user {}, process {}", peer.uid, peer.pid);
      return;
    }
    const std::uint32_t most = shared_->options.connections_max;
    if (count_ >= 2 * most) return;  // not even a word: those being told `busy` are bounded, too
    ++count_;
    auto state = std::make_shared<connection_state>(shared_);
    state->grant = shared_->access.policy.by_peer_credentials(peer.uid, peer.pid);
    if (count_ > most) state->refusal = error{errc::busy, "the service has too many clients; try again"};
    auto client = kj::heap<local_client>(kj::mv(stream), std::move(state));
    auto done = client->run();
    clients_.add(done.attach(kj::mv(client), kj::defer([this] { --count_; })));
  }

  void taskFailed(kj::Exception&& problem) override {
    shared_->log.debug("a client's connection broke: {}", problem.getDescription().cStr());
  }

  kj::Own<kj::ConnectionReceiver> receiver_;
  std::shared_ptr<shared_state> shared_;
  std::uint32_t count_ = 0;
  kj::TaskSet clients_;  // last: its clients use all of the above
};

service_session::network_port::kind port_kind(const service_port& port, const network_options& options) {
  service_session::network_port::kind out;
  out.wants = port.wants;
  if (options.keys) {
    const bool ask = port.wants == wanted_proof::none;
    out.tls = make_tls_server(*options.keys, ask).value();  // open_ports() tried
  }
  return out;
}

}  // namespace

bool same_user_or_root(const peer_credentials& peer) { return peer.uid == 0 || peer.uid == ::geteuid(); }

class local_service::impl {
 public:
  impl(service_facade& facade, local_service_options options, log_sink& log, service_listener listener,
       service_ports ports)
      : facade_(facade),
        options_(std::move(options)),
        log_(log),
        socket_path_(service_socket_path(options_.state_folder)),
        listener_(std::move(listener)),
        ports_(std::move(ports)),
        access_(options_.network) {
    if (ports_.token) access_.token.emplace(std::move(*ports_.token));
    auto stop = started_.get_future();
    thread_ = std::thread([this] {
      name_thread("local-service");
      stand_back();
      run();
    });
    try {
      stop_ = stop.get();
    } catch (...) {
      thread_.join();
      throw;
    }
  }

  ~impl() {
    stop_->fulfill();
    thread_.join();
  }

  result<void> use_keys(const tls_identity& keys, std::vector<pinned_root> roots) {
    if (!options_.network.keys)
      return fail(errc::unsupported, "this service was started without keys: start it again with them");
    GRAPHITE_TRY(auto by_certificate, make_tls_server(keys, true));
    GRAPHITE_TRY(auto by_token, make_tls_server(keys, false));
    executor_->executeSync([&] {
      for (auto& port : network_)
        port.use_tls(port.wants() == wanted_proof::none ? kj::mv(by_certificate) : kj::mv(by_token));
      access_.policy.set_roots(std::move(roots));
    });
    return {};
  }

  const std::string& socket_path() const { return socket_path_; }
  const std::string& certificates_address() const { return ports_.certificates.address; }
  const std::string& tokens_address() const { return ports_.tokens.address; }
  bool start_token_matches(std::string_view shown) const {
    return access_.token && access_.token->matches(shown);
  }
  std::string start_token_path() const { return access_.token ? access_.token->path() : std::string(); }

 private:
  using stopper = kj::Own<kj::CrossThreadPromiseFulfiller<void>>;

  void run() {
    try {
      serve();
    } catch (...) {  // no descriptors for a loop: start() tells it
      started_.set_exception(std::current_exception());
    }
  }

  void serve() {
    auto io = kj::setupAsyncIo();
    auto shared = std::make_shared<shared_state>(facade_, options_, log_, io.provider->getTimer(), access_);
    acceptor clients(io.lowLevelProvider->wrapListenSocketFd(listener_.fd()), shared);
    KJ_DEFER(network_.clear());
    auto serving = clients.run();
    for (auto* port : {&ports_.certificates, &ports_.tokens}) {
      if (port->address.empty()) continue;
      network_.emplace_back(io.lowLevelProvider->wrapListenSocketFd(port->fd.get()),
                            port_kind(*port, options_.network), shared);
      serving = serving.exclusiveJoin(network_.back().run());
    }
    executor_ = kj::getCurrentThreadExecutor().addRef();
    auto stop = kj::newPromiseAndCrossThreadFulfiller<void>();
    started_.set_value(kj::mv(stop.fulfiller));
    serving.exclusiveJoin(kj::mv(stop.promise)).wait(io.waitScope);
  }

  service_facade& facade_;
  const local_service_options options_;
  log_sink& log_;
  const std::string socket_path_;
  service_listener listener_;
  service_ports ports_;
  service_session::admission access_;
  std::list<service_session::network_port> network_;  ///< of the loop's thread
  kj::Own<const kj::Executor> executor_;
  std::promise<stopper> started_;
  stopper stop_;
  std::thread thread_;
};

local_service::local_service(std::unique_ptr<impl> self) : impl_(std::move(self)) {}
local_service::~local_service() = default;

result<std::unique_ptr<local_service>> local_service::start(service_facade& facade,
                                                            local_service_options options, log_sink& log) {
  GRAPHITE_TRY(service_listener listener, service_listener::open(options.state_folder, accept_backlog));
  GRAPHITE_TRY(service_ports ports, open_ports(options));
  try {
    return std::unique_ptr<local_service>(new local_service(
        std::make_unique<impl>(facade, std::move(options), log, std::move(listener), std::move(ports))));
  } catch (const kj::Exception& problem) {
    return fail(errc::io, fmt::format("cannot serve: {}", problem.getDescription().cStr()));
  } catch (const std::exception& problem) {
    return fail(errc::io, fmt::format("cannot serve: {}", problem.what()));
  }
}

result<void> local_service::use_keys(std::shared_ptr<const tls_identity> keys,
                                     std::vector<pinned_root> roots) {
  return impl_->use_keys(*keys, std::move(roots));
}

const std::string& local_service::socket_path() const { return impl_->socket_path(); }
const std::string& local_service::certificates_address() const { return impl_->certificates_address(); }
const std::string& local_service::tokens_address() const { return impl_->tokens_address(); }
bool local_service::start_token_matches(std::string_view shown) const {
  return impl_->start_token_matches(shown);
}
std::string local_service::start_token_path() const { return impl_->start_token_path(); }

}  // namespace graphite
