#include "gateway/service_session.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "gateway/cluster_session.hpp"
#include "gateway/jobs_session.hpp"
#include "gateway/service_calls.hpp"

namespace graphite::service_session {

hold_lease::~hold_lease() {
  if (token_) facade_->release(*token_, [](const result<bool>&) {});
}

std::optional<std::uint64_t> hold_lease::take() { return std::exchange(token_, std::nullopt); }

namespace {

kj::Promise<result<bool>> ask_release(const connection_ptr& connection, std::uint64_t token) {
  auto& facade = connection->shared.facade;
  // Not bounded by the client's limits: holds are, and the token would be lost.
  return ask_anyway<bool>(connection, connection->shared.options.query_timeout,
                          [&facade, token](reply<bool> done) { facade.release(token, std::move(done)); });
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
      if (const auto refused = not_permitted(*connection_, session_methods, method))
        return refuse(context, *refused);
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

  kj::Promise<void> trace(TraceContext context) override {
    context.allowCancellation();
    auto build = text(context.getParams().getBuild());
    const auto after = context.getParams().getAfter();
    return ask<trace_page>(connection_, limit(),
                           [&](auto done) { facade().trace(std::move(build), after, std::move(done)); })
        .then([context, most = connection_->shared.options.answer_bytes_max](auto value) mutable {
          answer(context.getResults().initOutcome(), within(std::move(value), most));
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
          note(*connection, "rollback", target + ": " + how, true);
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

  kj::Promise<void> jobs(JobsContext context) override {
    auto outcome = context.getResults().initOutcome();
    if (connection_->shared.options.jobs.desk == nullptr ||
        connection_->shared.options.jobs.reader == nullptr)
      service_codec::encode({errc::unsupported, "this service takes no jobs: ask a coordinator"},
                            outcome.initFailed());
    else
      outcome.initOk().setJobs(make_jobs(connection_));
    return kj::READY_NOW;
  }

  kj::Promise<void> cluster(ClusterContext context) override {
    auto outcome = context.getResults().initOutcome();
    if (connection_->shared.options.cluster == nullptr)
      service_codec::encode({errc::unsupported, "this service has no cluster: ask a coordinator"},
                            outcome.initFailed());
    else
      outcome.initOk().setCluster(make_cluster(connection_));
    return kj::READY_NOW;
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
