#pragma once

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "gateway/method_verbs.hpp"
#include "gateway/pending_answer.hpp"
#include "gateway/service_codec.hpp"
#include "gateway/service_session.hpp"

/// \file How a client's calls reach what answers them; for gateway/*_session.cpp.

namespace graphite::service_session {

using connection_ptr = std::shared_ptr<connection_state>;

/// Why a question is not even put to the facade, if so.
inline std::optional<error> refusal(connection_state& connection) {
  const auto& options = connection.shared.options;
  if (connection.network != nullptr && connection.network->getCurrentQueueSize() > options.answer_bytes_max)
    KJ_FAIL_REQUIRE("this client does not read its answers");
  if (connection.calls >= options.calls_per_connection_max)
    return error{errc::busy, fmt::format("more than {} questions at once", options.calls_per_connection_max)};
  if (connection.shared.outstanding->load() >= options.calls_outstanding_max)
    return error{errc::busy, "the service has too many questions open; try again"};
  return std::nullopt;
}

/// Puts a question to the facade (`start` gets the reply to pass on) and brings the answer to this thread.
/// `limit` zero: no deadline. Never refused.
template <class T, class Start>
kj::Promise<result<T>> ask_anyway(connection_ptr connection, duration limit, Start&& start) {
  auto paf = kj::newPromiseAndCrossThreadFulfiller<void>();
  auto box = std::make_shared<answer_box<T>>();
  auto question =
      std::make_shared<pending_answer<T>>(kj::mv(paf.fulfiller), box, connection->shared.outstanding);
  start([question = std::move(question)](result<T> value) { question->answer(std::move(value)); });
  kj::Promise<result<T>> promise = paf.promise.then([box = std::move(box)] { return box->take(); });
  if (limit > duration::zero()) {
    auto deadline = connection->shared.timer.afterDelay(limit.count() * kj::NANOSECONDS);
    promise = promise.exclusiveJoin(deadline.then(
        [] { return result<T>(fail(errc::timed_out, "the service did not answer this question in time")); }));
  }
  ++connection->calls;
  auto* state = connection.get();
  return promise.attach(kj::defer([state] { --state->calls; }), kj::mv(connection));
}

/// The same, within the client's limits.
template <class T, class Start>
kj::Promise<result<T>> ask(connection_ptr connection, duration limit, Start&& start) {
  if (auto refused = refusal(*connection)) return result<T>(tl::unexpected(std::move(*refused)));
  return ask_anyway<T>(std::move(connection), limit, std::forward<Start>(start));
}

/// Fills an Outcome: `encode_ok` writes into the Value it is given.
template <class Outcome, class T, class Encode>
void answer(Outcome outcome, result<T>& value, Encode&& encode_ok) {
  if (value)
    encode_ok(*value, outcome.initOk());
  else
    service_codec::encode(value.error(), outcome.initFailed());
}

template <class Outcome, class T>
void answer(Outcome outcome, result<T> value) {
  answer(outcome, value, [](const T& ok, auto out) { service_codec::encode(ok, out); });
}

template <class T>
result<T> within(result<T> value, std::uint64_t bytes_max) {
  if (value && service_codec::wire_bytes(*value) > bytes_max)
    return fail(errc::too_large, fmt::format("the answer is over {} MiB: ask for less", bytes_max / MiB));
  return value;
}

inline std::string text(capnp::Text::Reader in) { return {in.begin(), in.size()}; }

/// To the record of what was done, by whom.
inline void note(connection_state& connection, std::string what, std::string about, bool rare) {
  if (auto* audit = connection.shared.options.audit)
    audit->record({to_string(*connection.grant), std::move(what), std::move(about), rare});
}

/// Why a client may not call this method now, if so.
inline std::optional<error> not_permitted(connection_state& connection, std::span<const method_verb> methods,
                                          std::uint16_t method) {
  if (method >= methods.size()) return std::nullopt;  // unknown here: the schema's code says so
  if (connection.visit && !connection.visit->may_call(std::chrono::steady_clock::now()))
    return error{errc::busy, to_string(*connection.grant) + " asks too often; slow down"};
  const auto& access = connection.shared.access;
  const auto permitted =
      access.policy.permits(*connection.grant, methods[method].needs, *access.revoked(), access.unix_ns());
  const auto& [name, needs, notes] = methods[method];
  if (!permitted) {
    connection.shared.log.warn("refused {}: {}", name, permitted.error().context);
    note(connection, "refused", std::string(name), false);  // as often as they like to ask: no sync each
    return permitted.error();
  }
  if (needs != verb::query && notes)
    note(connection, std::string(name), {}, needs != verb::build);  // builds are many
  return std::nullopt;
}

/// Answers a call with an error, whatever its value would have been: all results have one shape.
inline capnp::Capability::Server::DispatchCallResult refuse(
    capnp::CallContext<capnp::AnyPointer, capnp::AnyPointer>& context, const error& why) {
  auto results = context.getResults().initAs<wire::Session::StatusResults>();
  service_codec::encode(why, results.initOutcome().initFailed());
  return {kj::READY_NOW, false};
}

}  // namespace graphite::service_session
