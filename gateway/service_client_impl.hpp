#pragma once

#include <capnp/rpc-twoparty.h>
#include <fmt/format.h>
#include <kj/async-io.h>
#include <kj/compat/tls.h>

#include <optional>
#include <utility>

#include "gateway/remembering_stream.hpp"
#include "gateway/service_client.hpp"
#include "gateway/service_codec.hpp"
#include "gateway/tls_context.hpp"
#include "platform/linux/owned_fd.hpp"
#include "schemas/service.capnp.h"

/// \file A client's connection and its event loop; for gateway/*_client.cpp.

namespace graphite {

/// What a failed call means for who made it.
error error_of_call(const kj::Exception& problem);

/// Runs `body`, which returns a result and may throw kj exceptions.
template <class Body>
auto guarded(Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const kj::Exception& problem) {
    return tl::unexpected(error_of_call(problem));
  } catch (const std::exception& problem) {
    return fail(errc::io, problem.what());
  }
}

template <class Outcome>
result<void> check_outcome(Outcome outcome) {
  if (outcome.isFailed()) return tl::unexpected(service_codec::decode_error(outcome.getFailed()));
  return {};
}

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
      auto request = rpc->bootstrap(vat).castAs<schema::service::Gate>().helloRequest();
      request.setProtocol(schema::service::PROTOCOL_VERSION);
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

  void keep(schema::service::Hold::Client hold) {
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
  schema::service::Session::Client session = nullptr;
  kj::Maybe<schema::service::Hold::Client> held;
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

  result<void> accept(schema::service::Welcome::Reader welcome) {
    program = std::string(welcome.getProgram().begin(), welcome.getProgram().size());
    pid = welcome.getPid();
    if (welcome.getProtocol() != schema::service::PROTOCOL_VERSION)
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

}  // namespace graphite
