#include "gateway/http_server.hpp"

#include <fmt/format.h>
#include <kj/async-io.h>

#include <future>
#include <thread>

#include "gateway/http_port.hpp"
#include "gateway/listen_address.hpp"
#include "platform/linux/thread_name.hpp"
#include "platform/linux/thread_turns.hpp"

namespace graphite {

namespace {

using tls_ptr = std::shared_ptr<const tls_server>;

result<tls_ptr> server_of(const tls_identity* keys) {
  if (keys == nullptr) return nullptr;
  return tls_server::make(keys->certificate, keys->key, keys->authority);
}

result<tcp_listener> listen_for_operators(const http_server_options& options) {
  if (!options.keys && !is_loopback_host(options.address))
    return fail(errc::permission_denied,
                options.address +
                    " can be reached from other machines and there are no keys: make them with `graphite "
                    "keygen DIR`, then start with `--keys DIR`");
  auto out = listen_tcp({options.address, options.port}, options.limits.backlog);
  if (out || out.error().code != errc::already_exists || !options.any_port_if_taken) return out;
  return listen_tcp({options.address, 0}, options.limits.backlog);
}

}  // namespace

class http_server::impl {
 public:
  impl(http_sources sources, http_server_options options, log_sink& log, tcp_listener listener, tls_ptr tls)
      : sources_(std::move(sources)),
        options_(std::move(options)),
        log_(log),
        listener_(std::move(listener)),
        tls_(std::move(tls)) {
    auto stop = started_.get_future();
    thread_ = std::thread([this] {
      name_thread("http");
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

  result<void> use_keys(const tls_identity& keys) {
    if (!options_.keys)
      return fail(errc::unsupported, "this port was opened without keys: start the service again with them");
    GRAPHITE_TRY(auto tls, server_of(&keys));
    tls_.use(std::move(tls));
    return {};
  }

  const listen_address& at() const { return listener_.at; }

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
    http_port port({io.lowLevelProvider->wrapListenSocketFd(listener_.fd.get()), tls_, sources_, options_,
                    io.provider->getTimer(), log_});
    auto serving = port.run();
    auto stop = kj::newPromiseAndCrossThreadFulfiller<void>();
    started_.set_value(kj::mv(stop.fulfiller));
    serving.exclusiveJoin(kj::mv(stop.promise)).wait(io.waitScope);
  }

  const http_sources sources_;
  const http_server_options options_;
  log_sink& log_;
  const tcp_listener listener_;
  live_tls tls_;
  std::promise<stopper> started_;
  stopper stop_;
  std::thread thread_;
};

http_server::http_server(std::unique_ptr<impl> self) : impl_(std::move(self)) {}
http_server::~http_server() = default;

result<std::unique_ptr<http_server>> http_server::start(http_sources sources, http_server_options options,
                                                        log_sink& log) {
  GRAPHITE_TRY(auto tls, server_of(options.keys.get()));
  GRAPHITE_TRY(auto listener, listen_for_operators(options));
  try {
    return std::unique_ptr<http_server>(new http_server(std::make_unique<impl>(
        std::move(sources), std::move(options), log, std::move(listener), std::move(tls))));
  } catch (const kj::Exception& problem) {
    return fail(errc::io, fmt::format("cannot serve operators: {}", problem.getDescription().cStr()));
  } catch (const std::exception& problem) {
    return fail(errc::io, fmt::format("cannot serve operators: {}", problem.what()));
  }
}

result<void> http_server::use_keys(const tls_identity& keys) { return impl_->use_keys(keys); }
std::uint16_t http_server::port() const { return impl_->at().port; }
std::string http_server::address() const { return to_string(impl_->at()); }

}  // namespace graphite
