#include "gateway/local_service.hpp"

#include <capnp/rpc-twoparty.h>
#include <fmt/format.h>
#include <kj/async-io.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "gateway/service_session.hpp"
#include "gateway/service_socket.hpp"
#include "platform/linux/thread_name.hpp"

namespace graphite {

namespace {

constexpr int accept_backlog = 64;
constexpr milliseconds refused_linger{1'000};  // what a connection over the cap gets to say hello in
constexpr milliseconds accept_retry{100};      // after EMFILE and the like

using service_session::connection_state;
using service_session::shared_state;

peer_credentials credentials_of(kj::AsyncIoStream& stream) {
  ucred raw{};
  kj::uint size = sizeof raw;
  stream.getsockopt(SOL_SOCKET, SO_PEERCRED, &raw, &size);
  return {raw.uid, raw.gid, raw.pid};
}

/// One client. The members' order is their lifetime: stream, network, RPC.
class connection {
 public:
  connection(kj::Own<kj::AsyncIoStream> stream, std::shared_ptr<shared_state> shared, bool too_many)
      : state_(std::make_shared<connection_state>(std::move(shared), too_many)),
        stream_(kj::mv(stream)),
        network_(*stream_, capnp::rpc::twoparty::Side::SERVER, reader_options(state_->shared.options)),
        rpc_(capnp::makeRpcServer(network_, service_session::make_gate(state_))) {
    state_->network = &network_;
    rpc_.setFlowLimit(4 * state_->shared.options.request_bytes_max / sizeof(capnp::word));
  }
  ~connection() { state_->network = nullptr; }

  /// Resolves when the peer is gone or did not say hello in time.
  kj::Promise<void> run() {
    const auto limit = state_->too_many ? refused_linger : state_->shared.options.hello_timeout;
    auto late = state_->shared.timer.afterDelay(limit.count() * kj::MILLISECONDS)
                    .then([state = state_]() -> kj::Promise<void> {
                      if (state->greeted) return kj::NEVER_DONE;
                      return kj::READY_NOW;
                    });
    return network_.onDisconnect().exclusiveJoin(kj::mv(late));
  }

 private:
  static capnp::ReaderOptions reader_options(const local_service_options& options) {
    capnp::ReaderOptions out;
    out.traversalLimitInWords = options.request_bytes_max / sizeof(capnp::word);
    out.nestingLimit = 16;
    return out;
  }

  std::shared_ptr<connection_state> state_;
  kj::Own<kj::AsyncIoStream> stream_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
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
    auto client = kj::heap<connection>(kj::mv(stream), shared_, count_ > most);
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

}  // namespace

bool same_user_or_root(const peer_credentials& peer) { return peer.uid == 0 || peer.uid == ::geteuid(); }

class local_service::impl {
 public:
  impl(service_facade& facade, local_service_options options, log_sink& log, service_listener listener)
      : facade_(facade),
        options_(std::move(options)),
        log_(log),
        socket_path_(service_socket_path(options_.state_folder)),
        listener_(std::move(listener)) {
    auto stop = started_.get_future();
    thread_ = std::thread([this] {
      name_thread("local-service");
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

  const std::string& socket_path() const { return socket_path_; }

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
    auto shared = std::make_shared<shared_state>(facade_, options_, log_, io.provider->getTimer());
    acceptor clients(io.lowLevelProvider->wrapListenSocketFd(listener_.fd()), shared);
    auto stop = kj::newPromiseAndCrossThreadFulfiller<void>();
    started_.set_value(kj::mv(stop.fulfiller));
    clients.run().exclusiveJoin(kj::mv(stop.promise)).wait(io.waitScope);
  }

  service_facade& facade_;
  const local_service_options options_;
  log_sink& log_;
  const std::string socket_path_;
  service_listener listener_;
  std::promise<stopper> started_;
  stopper stop_;
  std::thread thread_;
};

local_service::local_service(std::unique_ptr<impl> self) : impl_(std::move(self)) {}
local_service::~local_service() = default;

result<std::unique_ptr<local_service>> local_service::start(service_facade& facade,
                                                            local_service_options options, log_sink& log) {
  GRAPHITE_TRY(service_listener listener, service_listener::open(options.state_folder, accept_backlog));
  try {
    return std::unique_ptr<local_service>(
        new local_service(std::make_unique<impl>(facade, std::move(options), log, std::move(listener))));
  } catch (const kj::Exception& problem) {
    return fail(errc::io, fmt::format("cannot serve: {}", problem.getDescription().cStr()));
  } catch (const std::exception& problem) {
    return fail(errc::io, fmt::format("cannot serve: {}", problem.what()));
  }
}

const std::string& local_service::socket_path() const { return impl_->socket_path(); }

}  // namespace graphite
