#include "gateway/service_client.hpp"

#include <capnp/rpc-twoparty.h>
#include <fmt/format.h>
#include <kj/async-io.h>
#include <kj/compat/tls.h>

#include <optional>
#include <utility>

#include "gateway/listen_address.hpp"
#include "gateway/remembering_stream.hpp"
#include "gateway/service_codec.hpp"
#include "gateway/service_socket.hpp"
#include "gateway/tls_context.hpp"
#include "schemas/service.capnp.h"

namespace graphite {

namespace {

namespace wire = schema::service;

error from_exception(const kj::Exception& problem) {
  const char* what = problem.getDescription().cStr();
  if (auto refused = tls_failure_text(what)) return {errc::permission_denied, std::move(*refused)};
  switch (problem.getType()) {
    case kj::Exception::Type::DISCONNECTED:
      return {errc::unavailable, "the service ended the connection; see its log"};
    case kj::Exception::Type::UNIMPLEMENTED:
      return {errc::newer_version, "the service is of an older version and does not know this question"};
    case kj::Exception::Type::OVERLOADED:
      return {errc::busy, what};
    case kj::Exception::Type::FAILED:
      break;
  }
  return {errc::corrupt, fmt::format("the service and this program do not understand each other: {}", what)};
}

/// Runs `body`, which returns a result and may throw kj exceptions.
template <class Body>
auto guarded(Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const kj::Exception& problem) {
    return tl::unexpected(from_exception(problem));
  } catch (const std::exception& problem) {
    return fail(errc::io, problem.what());
  }
}

template <class Outcome>
result<void> check_outcome(Outcome outcome) {
  if (outcome.isFailed()) return tl::unexpected(service_codec::decode_error(outcome.getFailed()));
  return {};
}

/// Without TLS whoever is on the way reads the token.
result<void> check_address(const service_address& address) {
  const auto colon = address.at.rfind(':');
  if (colon == std::string::npos)
    return fail(errc::invalid_argument, fmt::format("'{}' is not of the form HOST:PORT", address.at));
  std::string host = address.at.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (address.keys || host == "localhost" || is_loopback_host(host)) return {};
  return fail(errc::permission_denied,
              fmt::format("{} is another machine: it is asked with keys alone, --keys DIR", address.at));
}

/// Connects, and names the address in what goes wrong.
template <class Connect>
result<void> reach(const std::string& at, Connect&& connect) {
  auto done = guarded(connect);
  if (done) return done;
  auto& problem = done.error();
  if (problem.code == errc::unavailable) problem.context = "nobody serves " + at;
  if (problem.code == errc::permission_denied) problem.context = at + ": " + problem.context;
  return done;
}

}  // namespace

class service_client::impl {
 public:
  explicit impl(service_client_options options) : options(std::move(options)), io(kj::setupAsyncIo()) {}

  void connect(owned_fd fd) {
    converse(
        io.lowLevelProvider->wrapSocketFd(fd.release(), kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP |
                                                            kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC |
                                                            kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK));
  }

  /// Over TCP, by TLS where there are keys.
  result<void> connect() {
    kj::Maybe<kj::Own<kj::TlsContext>> tls;
    if (options.address.keys) {
      GRAPHITE_TRY(tls, make_tls_client(*options.address.keys));
    }
    auto opened =
        io.provider->getNetwork()
            .parseAddress(options.address.at)
            .then([](kj::Own<kj::NetworkAddress> at) { return at->connect().attach(kj::mv(at)); })
            .then([&tls](kj::Own<kj::AsyncIoStream> socket) -> kj::Promise<kj::Own<kj::AsyncIoStream>> {
              KJ_IF_MAYBE (context, tls) return (*context)->wrapClient(kj::mv(socket), service_tls_name);
              return kj::mv(socket);
            });
    GRAPHITE_TRY(auto made, wait(kj::mv(opened), options.hello_timeout));
    converse(kj::mv(made));
    return {};
  }

  /// A refusal by TLS arrives after the client's own handshake, at whatever is under way.
  result<void> hello() {
    auto said = say_hello();
    if (!said)
      if (auto refused = tls_failure_text(stream->failure()))
        return fail(errc::permission_denied, fmt::format("{}: {}", options.address.at, *refused));
    return said;
  }

  result<void> say_hello() {
    return guarded([&]() -> result<void> {
      capnp::MallocMessageBuilder scratch(8);
      auto vat = scratch.initRoot<capnp::rpc::twoparty::VatId>();
      vat.setSide(capnp::rpc::twoparty::Side::SERVER);
      auto request = rpc->bootstrap(vat).castAs<wire::Gate>().helloRequest();
      request.setProtocol(wire::PROTOCOL_VERSION);
      request.setProgram(options.program);
      if (options.address.token) {
        const auto token = as_text(options.address.token->view());
        request.setToken(kj::heapString(token.data(), token.size()));
      }
      GRAPHITE_TRY(auto response, wait(request.send(), options.hello_timeout));
      return accept(response.getWelcome());
    });
  }

  /// Sends `request` and gives its outcome to `decode_ok`; `limit` zero: waits for ever.
  template <class Request, class Decode>
  auto call(Request request, milliseconds limit, Decode&& decode_ok)
      -> decltype(decode_ok(request.send().wait(std::declval<kj::WaitScope&>()).getOutcome().getOk())) {
    return guarded([&]() -> decltype(decode_ok(request.send().wait(io.waitScope).getOutcome().getOk())) {
      GRAPHITE_TRY(auto response, wait(request.send(), limit));
      GRAPHITE_CHECK(check_outcome(response.getOutcome()));
      return decode_ok(response.getOutcome().getOk());
    });
  }

  template <class Request>
  auto call(Request request, milliseconds limit) {
    return call(std::move(request), limit, [](auto ok) { return service_codec::decode(ok); });
  }

  template <class Promise>
  auto wait(Promise promise, milliseconds limit)
      -> result<std::decay_t<decltype(promise.wait(std::declval<kj::WaitScope&>()))>> {
    using response = std::decay_t<decltype(promise.wait(io.waitScope))>;
    kj::Promise<result<response>> answer =
        promise.then([](auto&& value) { return result<response>(kj::mv(value)); });
    if (limit > milliseconds::zero()) {
      auto deadline = io.provider->getTimer().afterDelay(limit.count() * kj::MILLISECONDS);
      answer = answer.exclusiveJoin(deadline.then([limit] {
        return result<response>(fail(errc::timed_out, fmt::format("no answer within {} ms", limit.count())));
      }));
    }
    return answer.wait(io.waitScope);
  }

  bool wait_for_disconnect(milliseconds timeout) {
    auto gone = network->onDisconnect().then([] { return true; }, [](kj::Exception&&) { return true; });
    auto late =
        io.provider->getTimer().afterDelay(timeout.count() * kj::MILLISECONDS).then([] { return false; });
    return gone.exclusiveJoin(kj::mv(late)).wait(io.waitScope);
  }

  void keep(wire::Hold::Client hold) {
    hold_end = hold_state::in_force;
    hold_watch = hold.endedRequest()
                     .send()
                     .then([this](auto&&) { hold_end = hold_state::ended; },
                           [this](kj::Exception&&) { hold_end = hold_state::service_gone; })
                     .fork();
    held = kj::mv(hold);
  }

  void drop_hold() {
    hold_watch = kj::Promise<void>(kj::READY_NOW).fork();
    hold_end = hold_state::ended;
    held = nullptr;
  }

  const service_client_options options;
  kj::AsyncIoContext io;
  kj::Own<remembering_stream> stream;
  std::optional<capnp::TwoPartyVatNetwork> network;
  std::optional<capnp::RpcSystem<capnp::rpc::twoparty::VatId>> rpc;
  wire::Session::Client session = nullptr;
  kj::Maybe<wire::Hold::Client> held;
  hold_state hold_end = hold_state::ended;
  kj::ForkedPromise<void> hold_watch = nullptr;
  std::string program;
  std::uint64_t pid = 0;

 private:
  void converse(kj::Own<kj::AsyncIoStream> over) {
    stream = kj::heap<remembering_stream>(kj::mv(over));
    network.emplace(*stream, capnp::rpc::twoparty::Side::CLIENT, reader_options());
    rpc.emplace(capnp::makeRpcClient(*network));
  }

  static capnp::ReaderOptions reader_options() {
    capnp::ReaderOptions out;
    out.traversalLimitInWords = 64 * MiB / sizeof(capnp::word);
    return out;
  }

  result<void> accept(wire::Welcome::Reader welcome) {
    program = std::string(welcome.getProgram().begin(), welcome.getProgram().size());
    pid = welcome.getPid();
    if (welcome.getProtocol() != wire::PROTOCOL_VERSION)
      return fail(
          errc::newer_version,
          fmt::format(
              "the running service (process {}) is graphite {}, this is {}: stop it and start it again", pid,
              program, options.program));
    if (welcome.hasRefusal()) return tl::unexpected(service_codec::decode_error(welcome.getRefusal()));
    if (!welcome.hasSession()) return fail(errc::corrupt, "the service's welcome holds no session");
    session = welcome.getSession();
    return {};
  }
};

service_client::service_client(std::unique_ptr<impl> self) : impl_(std::move(self)) {}
service_client::~service_client() = default;

result<std::unique_ptr<service_client>> service_client::connect(service_client_options options) {
  if (!options.address.at.empty()) {
    GRAPHITE_CHECK(check_address(options.address));
  }
  return guarded([&]() -> result<std::unique_ptr<service_client>> {
    const std::string state = options.state_folder, at = options.address.at;
    std::unique_ptr<service_client> client(new service_client(std::make_unique<impl>(std::move(options))));
    if (at.empty()) {
      GRAPHITE_TRY(owned_fd fd, connect_service(state));
      client->impl_->connect(std::move(fd));
    } else if (auto reached = reach(at, [&] { return client->impl_->connect(); }); !reached) {
      return tl::unexpected(std::move(reached).error());
    }
    GRAPHITE_CHECK(client->impl_->hello());
    return client;
  });
}

const std::string& service_client::service_program() const { return impl_->program; }
std::uint64_t service_client::service_pid() const { return impl_->pid; }

result<build_summary> service_client::build(build_request request) {
  auto call = impl_->session.buildRequest();
  call.setKeepGoing(request.keep_going);
  call.setDryRun(request.dry_run);
  return impl_->call(kj::mv(call), milliseconds::zero());
}

result<service_status> service_client::status() {
  return impl_->call(impl_->session.statusRequest(), impl_->options.call_timeout);
}

result<why_answer> service_client::why(const std::string& path) {
  auto call = impl_->session.whyRequest();
  call.setPath(path);
  return impl_->call(kj::mv(call), impl_->options.call_timeout);
}

result<graph_answer> service_client::graph(const graph_query& query) {
  auto call = impl_->session.graphRequest();
  call.setKind(service_codec::to_wire(query.what));
  call.setFrom(query.from);
  call.setTo(query.to);
  return impl_->call(kj::mv(call), impl_->options.call_timeout);
}

result<generation_diff> service_client::diff(const std::string& channel, std::uint64_t from,
                                             std::uint64_t to) {
  auto call = impl_->session.diffRequest();
  call.setChannel(channel);
  call.setFrom(from);
  call.setTo(to);
  return impl_->call(kj::mv(call), impl_->options.call_timeout);
}

result<head> service_client::rollback(const std::string& channel, std::uint64_t sequence) {
  auto call = impl_->session.rollbackRequest();
  call.setChannel(channel);
  call.setSequence(sequence);
  return impl_->call(kj::mv(call), impl_->options.call_timeout);
}

result<gc_report> service_client::gc(const gc_request& request) {
  auto call = impl_->session.gcRequest();
  call.setCacheBytesGiven(request.cache_bytes.has_value());
  call.setCacheBytes(request.cache_bytes.value_or(0));
  call.setDryRun(request.dry_run);
  return impl_->call(kj::mv(call), milliseconds::zero());
}

result<void> service_client::hold(milliseconds timeout) {
  if (impl_->held != nullptr) return fail(errc::already_exists, "this client holds already");
  auto call = impl_->session.holdRequest();
  call.setTimeoutMs(static_cast<std::uint64_t>(timeout.count()));
  return impl_->call(kj::mv(call), impl_->options.call_timeout,
                     [&](wire::HoldGrant::Reader grant) -> result<void> {
                       impl_->keep(grant.getHold());
                       return {};
                     });
}

result<bool> service_client::release() {
  KJ_IF_MAYBE (hold, impl_->held) {
    auto released = impl_->call(hold->releaseRequest(), impl_->options.call_timeout,
                                [](wire::Released::Reader in) { return result<bool>(in.getCount() > 0); });
    impl_->drop_hold();
    return released;
  }
  return false;
}

result<std::uint32_t> service_client::release_all() {
  return impl_->call(impl_->session.releaseAllRequest(), impl_->options.call_timeout,
                     [](wire::Released::Reader in) { return result<std::uint32_t>(in.getCount()); });
}

hold_state service_client::wait_for_hold_end(milliseconds wait) {
  if (impl_->hold_end == hold_state::in_force)
    impl_->io.provider->getTimer()
        .afterDelay(wait.count() * kj::MILLISECONDS)
        .exclusiveJoin(impl_->hold_watch.addBranch())
        .wait(impl_->io.waitScope);
  return impl_->hold_end;
}

result<void> service_client::stop(milliseconds timeout) {
  auto told = impl_->call(impl_->session.stopRequest(), timeout,
                          [](wire::Stopping::Reader) { return result<void>(); });
  // The service may be gone before its answer is: that is what was asked for.
  if (!told && told.error().code != errc::unavailable) return told;
  if (impl_->wait_for_disconnect(timeout)) return {};
  return fail(errc::timed_out, fmt::format("process {} was asked to stop and still runs", impl_->pid));
}

}  // namespace graphite
