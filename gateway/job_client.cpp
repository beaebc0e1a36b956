#include "gateway/job_client.hpp"

#include "gateway/jobs_codec.hpp"
#include "gateway/service_client_impl.hpp"

namespace graphite {

namespace {

namespace jobs_wire = schema::jobs;

/// What a watch has brought so far, and whether it is to go on.
template <class Batch>
class watch_state {
 public:
  watch_state(const std::function<bool(const Batch&)>& each, std::uint64_t after)
      : each_(each), last_(after), stopped_(kj::newPromiseAndFulfiller<void>()) {}

  void take(result<Batch> batch) {
    if (ended_) return;
    if (!batch) {
      problem_ = std::move(batch).error();
    } else {
      last_ = std::max(last_, batch->last);
      if (each_(*batch)) return;
    }
    ended_ = true;
    stopped_.fulfiller->fulfill();
  }
  kj::Promise<void> when_stopped() { return kj::mv(stopped_.promise); }
  bool ended() const { return ended_; }
  const std::optional<error>& problem() const { return problem_; }
  std::uint64_t last() const { return last_; }

 private:
  const std::function<bool(const Batch&)>& each_;
  std::uint64_t last_;
  bool ended_ = false;
  std::optional<error> problem_;
  kj::PromiseFulfillerPair<void> stopped_;
};

/// The client's end of a watch: it is called as fast as it takes what comes.
class event_sink final : public jobs_wire::EventSink::Server {
 public:
  explicit event_sink(std::shared_ptr<watch_state<job_event_batch>> state) : state_(std::move(state)) {}
  kj::Promise<void> events(EventsContext context) override {
    state_->take(jobs_codec::decode(context.getParams().getBatch()));
    return kj::READY_NOW;
  }
  kj::Promise<void> end(EndContext) override { return kj::READY_NOW; }

 private:
  std::shared_ptr<watch_state<job_event_batch>> state_;
};

class log_sink_server final : public jobs_wire::LogSink::Server {
 public:
  explicit log_sink_server(std::shared_ptr<watch_state<job_log_batch>> state) : state_(std::move(state)) {}
  kj::Promise<void> pieces(PiecesContext context) override {
    state_->take(jobs_codec::decode(context.getParams().getBatch()));
    return kj::READY_NOW;
  }
  kj::Promise<void> end(EndContext) override { return kj::READY_NOW; }

 private:
  std::shared_ptr<watch_state<job_log_batch>> state_;
};

}  // namespace

class job_client::impl {
 public:
  impl(service_client::impl& of, jobs_wire::Jobs::Client granted) : service(of), jobs(kj::mv(granted)) {}

  template <class Request>
  auto call(Request request) {
    return service.call(kj::mv(request), service.options.call_timeout,
                        [](auto ok) { return jobs_codec::decode(ok); });
  }

  template <class Batch, class Request>
  result<watched> watch(Request request, std::shared_ptr<watch_state<Batch>> state) {
    return guarded([&]() -> result<watched> {
      auto answered = request.send().then([](auto&& response) -> result<watched> {
        GRAPHITE_CHECK(check_outcome(response.getOutcome()));
        const auto ok = response.getOutcome().getOk();
        return watched{ok.getLast(), ok.getOver()};
      });
      // Giving up drops the call, and with it the watch at the other end.
      auto stopped = state->when_stopped().then([]() -> result<watched> { return watched{}; });
      auto end = answered.exclusiveJoin(kj::mv(stopped)).wait(service.io.waitScope);
      if (state->problem()) return tl::unexpected(*state->problem());
      if (state->ended()) return watched{state->last(), false};
      return end;
    });
  }

  service_client::impl& service;
  jobs_wire::Jobs::Client jobs;
};

job_client::job_client(std::unique_ptr<impl> self) : impl_(std::move(self)) {}
job_client::~job_client() = default;

result<std::unique_ptr<job_client>> job_client::open(service_client& service) {
  auto& of = *service.impl_;
  return of.call(
      of.session.jobsRequest(), of.options.call_timeout,
      [&](schema::service::JobsGrant::Reader grant) -> result<std::unique_ptr<job_client>> {
        auto jobs = grant.getJobs().castAs<jobs_wire::Jobs>();
        return std::unique_ptr<job_client>(new job_client(std::make_unique<impl>(of, kj::mv(jobs))));
      });
}

result<job_accepted> job_client::submit(const job_request& request) {
  GRAPHITE_CHECK(check_job_request(request));
  auto call = impl_->jobs.submitRequest();
  jobs_codec::encode(request, call.initRequest());
  return impl_->call(kj::mv(call));
}

result<missing_answer> job_client::missing(const missing_request& request) {
  if (request.contents.size() > job_limits::contents_max)
    return fail(errc::too_large,
                fmt::format("more than {} contents in a question", job_limits::contents_max));
  auto call = impl_->jobs.missingRequest();
  call.setJob(request.job.value);
  auto contents = call.initContents(static_cast<capnp::uint>(request.contents.size()));
  for (capnp::uint i = 0; i < contents.size(); ++i) jobs_codec::encode(request.contents[i], contents[i]);
  jobs_codec::encode(request.client, call.initClient(request.client.bytes.size()));
  return impl_->service.call(kj::mv(call), impl_->service.options.call_timeout,
                             [&](auto ok) { return jobs_codec::decode(ok, request.contents.size()); });
}

result<job_info> job_client::uploaded(job_id job) {
  auto call = impl_->jobs.uploadedRequest();
  call.setJob(job.value);
  return impl_->call(kj::mv(call));
}

result<job_info> job_client::cancel(job_id job) {
  auto call = impl_->jobs.cancelRequest();
  call.setJob(job.value);
  return impl_->call(kj::mv(call));
}

result<std::vector<job_info>> job_client::list(const job_filter& filter) {
  auto call = impl_->jobs.listRequest();
  call.setOpenOnly(filter.open_only);
  call.setBefore(filter.before.value);
  call.setMost(filter.most);
  return impl_->call(kj::mv(call));
}

result<job_info> job_client::status(job_id job) {
  auto call = impl_->jobs.statusRequest();
  call.setJob(job.value);
  return impl_->call(kj::mv(call));
}

result<why_answer> job_client::why(job_id job, const std::string& path) {
  auto call = impl_->jobs.whyRequest();
  call.setJob(job.value);
  call.setPath(path);
  return impl_->service.call(kj::mv(call), impl_->service.options.call_timeout);
}

result<trace_page> job_client::trace(job_id job, std::uint64_t after) {
  auto call = impl_->jobs.traceRequest();
  call.setJob(job.value);
  call.setAfter(after);
  return impl_->service.call(kj::mv(call), impl_->service.options.call_timeout);
}

result<job_client::watched> job_client::watch(job_id job, std::uint64_t after,
                                              const std::function<bool(const job_event_batch&)>& each) {
  auto state = std::make_shared<watch_state<job_event_batch>>(each, after);
  auto call = impl_->jobs.watchRequest();
  call.setJob(job.value);
  call.setAfter(after);
  call.setTo(kj::heap<event_sink>(state));
  return impl_->watch(kj::mv(call), std::move(state));
}

result<job_client::watched> job_client::logs(const log_question& what,
                                             const std::function<bool(const job_log_batch&)>& each) {
  auto state = std::make_shared<watch_state<job_log_batch>>(each, what.after);
  auto call = impl_->jobs.logsRequest();
  call.setJob(what.job.value);
  call.setPath(what.path);
  call.setAfter(what.after);
  call.setFollow(what.follow);
  call.setTo(kj::heap<log_sink_server>(state));
  return impl_->watch(kj::mv(call), std::move(state));
}

}  // namespace graphite
