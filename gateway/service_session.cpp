#include "gateway/service_session.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "gateway/method_verbs.hpp"
#include "gateway/pending_answer.hpp"
#include "gateway/service_codec.hpp"

namespace graphite::service_session {

hold_lease::~hold_lease() {
  if (token_) facade_->release(*token_, [](const result<bool>&) {});
}

std::optional<std::uint64_t> hold_lease::take() { return std::exchange(token_, std::nullopt); }

namespace {

using connection_ptr = std::shared_ptr<connection_state>;

/// Why a question is not even put to the facade, if so.
std::optional<error> refusal(connection_state& connection) {
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

std::string text(capnp::Text::Reader in) { return {in.begin(), in.size()}; }

kj::Promise<result<bool>> ask_release(const connection_ptr& connection, std::uint64_t token) {
  auto& facade = connection->shared.facade;
  // Not bounded by the client's limits: holds are, and the token would be lost.
  return ask_anyway<bool>(connection, connection->shared.options.query_timeout,
                          [&facade, token](reply<bool> done) { facade.release(token, std::move(done)); });
}

void note(connection_state& connection, std::string what, std::string about, bool rare) {
  if (auto* audit = connection.shared.options.audit)
    audit->record({to_string(*connection.grant), std::move(what), std::move(about), rare});
}

constexpr std::string_view rollback_method = "rollback";

/// Why a client may not call this method now, if so.
std::optional<error> not_permitted(connection_state& connection, std::uint16_t method) {
  if (method >= session_methods.size()) return std::nullopt;  // unknown here: the schema's code says so
  if (connection.visit && !connection.visit->may_call(std::chrono::steady_clock::now()))
    return error{errc::busy, to_string(*connection.grant) + " asks too often; slow down"};
  const auto& access = connection.shared.access;
  const auto permitted = access.policy.permits(*connection.grant, session_methods[method].needs,
                                               *access.revoked(), access.unix_ns());
  const auto& [name, needs] = session_methods[method];
  if (!permitted) {
    connection.shared.log.warn("refused {}: {}", name, permitted.error().context);
    note(connection, "refused", std::string(name), false);  // as often as they like to ask: no sync each
    return permitted.error();
  }
  if (needs != verb::query && name != rollback_method)              // which tells how it ended
    note(connection, std::string(name), {}, needs != verb::build);  // builds are many
  return std::nullopt;
}

class hold_server final : public wire::Hold::Server {
 public:
  hold_server(connection_ptr connection, std::unique_ptr<hold_lease> lease)
      : connection_(std::move(connection)), hold_(*connection_, std::move(lease)) {
    connection_->shared.holds.insert(&hold_);
  }
  ~hold_server() noexcept(false) { connection_->shared.holds.erase(&hold_); }

  kj::Promise<void> release(ReleaseContext context) override {
    context.allowCancellation();
    const auto token = hold_.end();
    if (!token) {
      context.getResults().initOutcome().initOk().setCount(0);
      return kj::READY_NOW;
    }
    return ask_release(connection_, *token).then([context](result<bool> held) mutable {
      answer(context.getResults().initOutcome(), held, [](bool was, auto out) { out.setCount(was ? 1 : 0); });
    });
  }

  kj::Promise<void> ended(EndedContext context) override {
    context.allowCancellation();
    return hold_.when_ended.addBranch();
  }

 private:
  connection_ptr connection_;
  active_hold hold_;
};

class session_server final : public wire::Session::Server {
 public:
  explicit session_server(connection_ptr connection) : connection_(std::move(connection)) {}

  /// All calls come through here: what is not permitted reaches no method.
  DispatchCallResult dispatchCall(std::uint64_t interface_id, std::uint16_t method,
                                  capnp::CallContext<capnp::AnyPointer, capnp::AnyPointer> context) override {
    if (interface_id == capnp::typeId<wire::Session>())
      if (const auto refused = not_permitted(*connection_, method)) {
        // Results have one shape, whatever the value would have been.
        auto results = context.getResults().initAs<wire::Session::StatusResults>();
        service_codec::encode(*refused, results.initOutcome().initFailed());
        return {kj::READY_NOW, false};
      }
    return wire::Session::Server::dispatchCall(interface_id, method, context);
  }

  kj::Promise<void> build(BuildContext context) override {
    context.allowCancellation();
    const build_request request{context.getParams().getKeepGoing(), context.getParams().getDryRun()};
    return ask<build_summary>(connection_, duration::zero(),
                              [&](auto done) { facade().build(request, std::move(done)); })
        .then([context](result<build_summary> value) mutable {
          answer(context.getResults().initOutcome(), std::move(value));
        });
  }

  kj::Promise<void> status(StatusContext context) override {
    context.allowCancellation();
    return ask<service_status>(connection_, limit(), [&](auto done) { facade().status(std::move(done)); })
        .then([context](result<service_status> value) mutable {
          answer(context.getResults().initOutcome(), std::move(value));
        });
  }

  kj::Promise<void> why(WhyContext context) override {
    context.allowCancellation();
    auto path = text(context.getParams().getPath());
    return ask<why_answer>(connection_, limit(),
                           [&](auto done) { facade().why(std::move(path), std::move(done)); })
        .then([context](result<why_answer> value) mutable {
          answer(context.getResults().initOutcome(), std::move(value));
        });
  }

  kj::Promise<void> graph(GraphContext context) override {
    context.allowCancellation();
    const auto params = context.getParams();
    const auto kind = service_codec::from_wire(params.getKind());
    if (!kind) {
      service_codec::encode(kind.error(), context.getResults().initOutcome().initFailed());
      return kj::READY_NOW;
    }
    graph_query query{*kind, text(params.getFrom()), text(params.getTo())};
    return ask<graph_answer>(connection_, limit(),
                             [&](auto done) { facade().graph(std::move(query), std::move(done)); })
        .then([context, most = connection_->shared.options.answer_bytes_max](auto value) mutable {
          answer(context.getResults().initOutcome(), within(std::move(value), most));
        });
  }

  kj::Promise<void> hold(HoldContext context) override {
    context.allowCancellation();
    const std::uint64_t timeout_ms = context.getParams().getTimeoutMs();
    if (timeout_ms > hold_timeout_ms_max) {
      service_codec::encode({errc::invalid_argument, "a hold's timeout is at most 24 hours"},
                            context.getResults().initOutcome().initFailed());
      return kj::READY_NOW;
    }
    if (connection_->shared.holds.size() >= connection_->shared.options.holds_max) {
      service_codec::encode({errc::busy, "too many holds are in force"},
                            context.getResults().initOutcome().initFailed());
      return kj::READY_NOW;
    }
    return ask<std::unique_ptr<hold_lease>>(
               connection_, limit(),
               [&](auto done) { begin_hold(facade(), milliseconds(timeout_ms), std::move(done)); })
        .then([context, connection = connection_](result<std::unique_ptr<hold_lease>> lease) mutable {
          answer(context.getResults().initOutcome(), lease, [&](auto& granted, wire::HoldGrant::Builder out) {
            wire::Hold::Client server = kj::heap<hold_server>(connection, std::move(granted));
            out.setHold(kj::mv(server));
          });
        });
  }

  kj::Promise<void> releaseAll(ReleaseAllContext context) override {
    context.allowCancellation();
    auto releases = kj::heapArrayBuilder<kj::Promise<result<bool>>>(connection_->shared.holds.size());
    for (active_hold* hold : connection_->shared.holds) releases.add(release_one(*hold));
    return kj::joinPromises(releases.finish()).then([context](kj::Array<result<bool>> released) mutable {
      std::uint32_t count = 0;
      for (const auto& held : released) count += held && *held ? 1 : 0;
      context.getResults().initOutcome().initOk().setCount(count);
    });
  }

  kj::Promise<void> rollback(RollbackContext context) override {
    context.allowCancellation();
    auto channel = text(context.getParams().getChannel());
    const std::uint64_t sequence = context.getParams().getSequence();
    auto target = fmt::format("{} to generation {}", channel, sequence);
    return ask<head>(connection_, limit(),
                     [&](auto done) { facade().rollback(std::move(channel), sequence, std::move(done)); })
        .then([context, connection = connection_, target = std::move(target)](result<head> value) mutable {
          const auto how = value ? fmt::format("generation {}", value->sequence.value)
                                 : "failed: " + value.error().context;
          note(*connection, std::string(rollback_method), target + ": " + how, true);
          answer(context.getResults().initOutcome(), std::move(value));
        });
  }

  kj::Promise<void> diff(DiffContext context) override {
    context.allowCancellation();
    const auto params = context.getParams();
    return ask<generation_diff>(connection_, limit(),
                                [&](auto done) {
                                  facade().diff(text(params.getChannel()), params.getFrom(), params.getTo(),
                                                std::move(done));
                                })
        .then([context, most = connection_->shared.options.answer_bytes_max](auto value) mutable {
          answer(context.getResults().initOutcome(), within(std::move(value), most));
        });
  }

  kj::Promise<void> gc(GcContext context) override {
    context.allowCancellation();
    const auto params = context.getParams();
    gc_request request;
    if (params.getCacheBytesGiven()) request.cache_bytes = params.getCacheBytes();
    request.dry_run = params.getDryRun();
    return ask<gc_report>(connection_, duration::zero(),
                          [&](auto done) { facade().gc(request, std::move(done)); })
        .then([context](result<gc_report> value) mutable {
          answer(context.getResults().initOutcome(), std::move(value));
        });
  }

  kj::Promise<void> stop(StopContext context) override {
    context.getResults().initOutcome().initOk().setPid(static_cast<std::uint64_t>(::getpid()));
    connection_->shared.log.info("a client asks this service to stop");
    connection_->shared.facade.stop();
    return kj::READY_NOW;
  }

 private:
  static constexpr std::uint64_t hold_timeout_ms_max = 86'400'000;

  /// The lease is made where the token arrives: if nobody waits any more, its destructor releases.
  static void begin_hold(service_facade& facade, milliseconds timeout,
                         reply<std::unique_ptr<hold_lease>> done) {
    facade.hold(timeout, [&facade, done = std::move(done)](result<std::uint64_t> token) {
      if (token)
        done(std::make_unique<hold_lease>(facade, *token));
      else
        done(tl::unexpected(std::move(token).error()));
    });
  }

  kj::Promise<result<bool>> release_one(active_hold& hold) {
    const auto token = hold.end();
    return token ? ask_release(connection_, *token) : kj::Promise<result<bool>>(result<bool>(false));
  }

  service_facade& facade() { return connection_->shared.facade; }
  duration limit() const { return connection_->shared.options.query_timeout; }

  connection_ptr connection_;
};

}  // namespace

void connection_state::end_holds() {
  for (active_hold* hold : shared.holds)
    if (&hold->of == this)
      if (const auto token = hold->end()) shared.facade.release(*token, [](const result<bool>&) {});
}

wire::Session::Client make_session(std::shared_ptr<connection_state> connection) {
  return kj::heap<session_server>(std::move(connection));
}

}  // namespace graphite::service_session
