#include "gateway/jobs_session.hpp"

#include <utility>

#include "gateway/jobs_codec.hpp"
#include "gateway/service_calls.hpp"

namespace graphite::service_session {

namespace {

namespace jobs_wire = schema::jobs;

/// One watch of jobs, counted as long as it lives.
class watch_place {
 public:
  /// Errors: busy.
  static result<kj::Own<watch_place>> take(connection_ptr connection) {
    const auto& options = connection->shared.options;
    if (connection->watches >= options.watches_per_connection_max)
      return fail(errc::busy,
                  fmt::format("more than {} watches of jobs at once", options.watches_per_connection_max));
    if (connection->shared.watches >= options.watches_max)
      return fail(errc::busy, "the service has too many watches of jobs; try again");
    return kj::heap<watch_place>(std::move(connection));
  }
  explicit watch_place(connection_ptr connection) : connection_(std::move(connection)) {
    ++connection_->watches;
    ++connection_->shared.watches;
  }
  watch_place(const watch_place&) = delete;
  watch_place& operator=(const watch_place&) = delete;
  ~watch_place() {
    --connection_->watches;
    --connection_->shared.watches;
  }

 private:
  connection_ptr connection_;
};

struct watched {
  std::uint64_t last = 0;
  bool over = false;
};

/// Events of a job, as a watch has them.
struct event_stream {
  using batch = job_event_batch;
  jobs_wire::EventSink::Client sink;
  job_caller who;
  std::string path;  // of events: all

  void ask(job_reader& reader, const job_question& what, reply<batch> done) const {
    reader.events(who, what, std::move(done));
  }
  kj::Promise<void> send(const batch& what) {
    auto request = sink.eventsRequest();
    jobs_codec::encode(what, request.initBatch());
    return request.send();
  }
  kj::Promise<void> end() { return sink.endRequest().send().ignoreResult(); }
};

/// What tools said, of one path or of all.
struct log_stream {
  using batch = job_log_batch;
  jobs_wire::LogSink::Client sink;
  job_caller who;
  std::string path;

  void ask(job_reader& reader, const job_question& what, reply<batch> done) const {
    reader.logs(who, what, std::move(done));
  }
  kj::Promise<void> send(batch& what) {
    if (!path.empty()) std::erase_if(what.items, [this](const auto& one) { return one.path != path; });
    if (what.items.empty() && what.left_out == 0) return kj::READY_NOW;
    auto request = sink.piecesRequest();
    jobs_codec::encode(what, request.initBatch());
    return request.send();
  }
  kj::Promise<void> end() { return sink.endRequest().send().ignoreResult(); }
};

/// Brings a client what there is of a job, batch by batch, as fast as it takes them.
template <class Stream>
class job_watch {
 public:
  job_watch(connection_ptr connection, Stream stream, job_question what, bool follow)
      : connection_(std::move(connection)), stream_(std::move(stream)), what_(what), follow_(follow) {
    if (follow_) what_.wait = connection_->shared.options.watch_poll;
  }

  kj::Promise<result<watched>> run() {
    auto& reader = *connection_->shared.options.jobs.reader;
    const auto limit = what_.wait + duration(connection_->shared.options.query_timeout);
    return ask_anyway<batch>(connection_, limit,
                             [&](reply<batch> done) { stream_.ask(reader, what_, std::move(done)); })
        .then([this](result<batch> there) -> kj::Promise<result<watched>> {
          if (!there) return result<watched>(tl::unexpected(std::move(there).error()));
          return take(std::move(*there));
        });
  }

 private:
  using batch = typename Stream::batch;

  kj::Promise<result<watched>> take(batch there) {
    const bool empty = there.items.empty() && !there.summary;
    what_.after = there.last;
    const bool ends = there.over || (empty && !follow_);
    if (!ends && empty) return run();
    auto sent = empty ? kj::Promise<void>(kj::READY_NOW) : stream_.send(there);
    if (!ends) return sent.then([this] { return run(); });
    const watched end{there.last, there.over};
    return sent.then([this] { return stream_.end(); }).then([end] { return result<watched>(end); });
  }

  connection_ptr connection_;
  Stream stream_;
  job_question what_;
  bool follow_;
};

class jobs_server final : public jobs_wire::Jobs::Server {
 public:
  explicit jobs_server(connection_ptr connection) : connection_(std::move(connection)) {}

  /// All calls come through here: what is not permitted reaches no method.
  DispatchCallResult dispatchCall(std::uint64_t interface_id, std::uint16_t method,
                                  capnp::CallContext<capnp::AnyPointer, capnp::AnyPointer> context) override {
    if (interface_id == capnp::typeId<jobs_wire::Jobs>())
      if (const auto refused = not_permitted(*connection_, job_methods, method))
        return refuse(context, *refused);
    return jobs_wire::Jobs::Server::dispatchCall(interface_id, method, context);
  }

  kj::Promise<void> submit(SubmitContext context) override {
    context.allowCancellation();
    auto request = jobs_codec::decode(context.getParams().getRequest());
    if (!request) return failed(context, request.error());
    return ask<job_accepted>(
               connection_, limit(),
               [&](auto done) { desk().submit(caller(), std::move(*request), std::move(done)); })
        .then([context, connection = connection_](result<job_accepted> value) mutable {
          if (value && !value->known)
            note(*connection, "submit", fmt::format("job {}", value->job.id.value), false);
          put(context, value);
        });
  }

  kj::Promise<void> missing(MissingContext context) override {
    context.allowCancellation();
    const auto params = context.getParams();
    missing_request request;
    request.job.value = params.getJob();
    auto contents = jobs_codec::decode_contents(params.getContents());
    if (!contents) return failed(context, contents.error());
    const auto client = jobs_codec::decode_curve_key(params.getClient());
    if (!client) return failed(context, client.error());
    request.contents = std::move(*contents);
    request.client = *client;
    return ask<missing_answer>(
               connection_, limit(),
               [&](auto done) { desk().missing(caller(), std::move(request), std::move(done)); })
        .then([context](result<missing_answer> value) mutable { put(context, value); });
  }

  kj::Promise<void> uploaded(UploadedContext context) override {
    context.allowCancellation();
    const job_id job{context.getParams().getJob()};
    return ask<job_info>(connection_, limit(),
                         [&](auto done) { desk().uploaded(caller(), job, std::move(done)); })
        .then([context](result<job_info> value) mutable { put(context, value); });
  }

  kj::Promise<void> cancel(CancelContext context) override {
    context.allowCancellation();
    const job_id job{context.getParams().getJob()};
    return ask<job_info>(connection_, limit(),
                         [&](auto done) { desk().cancel(caller(), job, std::move(done)); })
        .then([context, connection = connection_, job](result<job_info> value) mutable {
          if (value) note(*connection, "cancel", fmt::format("job {}", job.value), true);
          put(context, value);
        });
  }

  kj::Promise<void> list(ListContext context) override {
    context.allowCancellation();
    const auto params = context.getParams();
    job_filter filter;
    filter.open_only = params.getOpenOnly();
    filter.before.value = params.getBefore();
    if (const auto most = params.getMost(); most != 0)
      filter.most = std::min<std::uint32_t>(most, job_limits::listed_max);
    return ask<std::vector<job_info>>(connection_, limit(),
                                      [&](auto done) { reader().list(caller(), filter, std::move(done)); })
        .then([context](result<std::vector<job_info>> value) mutable { put(context, value); });
  }

  kj::Promise<void> status(StatusContext context) override {
    context.allowCancellation();
    const job_id job{context.getParams().getJob()};
    return ask<job_info>(connection_, limit(),
                         [&](auto done) { reader().status(caller(), job, std::move(done)); })
        .then([context](result<job_info> value) mutable { put(context, value); });
  }

  kj::Promise<void> why(WhyContext context) override {
    context.allowCancellation();
    const job_id job{context.getParams().getJob()};
    auto path = text(context.getParams().getPath());
    return ask<why_answer>(connection_, limit(),
                           [&](auto done) { reader().why(caller(), job, std::move(path), std::move(done)); })
        .then([context](result<why_answer> value) mutable {
          answer(context.getResults().initOutcome(), std::move(value));
        });
  }

  kj::Promise<void> trace(TraceContext context) override {
    context.allowCancellation();
    const job_id job{context.getParams().getJob()};
    const auto after = context.getParams().getAfter();
    return ask<trace_page>(connection_, limit(),
                           [&](auto done) { reader().trace(caller(), job, after, std::move(done)); })
        .then([context, most = connection_->shared.options.answer_bytes_max](auto value) mutable {
          answer(context.getResults().initOutcome(), within(std::move(value), most));
        });
  }

  kj::Promise<void> watch(WatchContext context) override {
    context.allowCancellation();
    const auto params = context.getParams();
    return run_watch(context, event_stream{params.getTo(), caller(), {}},
                     {job_id{params.getJob()}, params.getAfter()}, true);
  }

  kj::Promise<void> logs(LogsContext context) override {
    context.allowCancellation();
    const auto params = context.getParams();
    return run_watch(context, log_stream{params.getTo(), caller(), text(params.getPath())},
                     {job_id{params.getJob()}, params.getAfter()}, params.getFollow());
  }

 private:
  template <class Context>
  static kj::Promise<void> failed(Context& context, const error& why) {
    service_codec::encode(why, context.getResults().initOutcome().initFailed());
    return kj::READY_NOW;
  }

  template <class Context, class T>
  static void put(Context& context, result<T>& value) {
    answer(context.getResults().initOutcome(), value,
           [](const T& ok, auto out) { jobs_codec::encode(ok, out); });
  }

  template <class Context, class Stream>
  kj::Promise<void> run_watch(Context context, Stream stream, const job_question& what, bool follow) {
    auto place = watch_place::take(connection_);
    if (!place) return failed(context, place.error());
    auto watch = kj::heap<job_watch<Stream>>(connection_, std::move(stream), what, follow);
    auto running = watch->run();
    return running.attach(kj::mv(watch), kj::mv(*place)).then([context](result<watched> end) mutable {
      answer(context.getResults().initOutcome(), end, [](const watched& ok, auto out) {
        out.setLast(ok.last);
        out.setOver(ok.over);
      });
    });
  }

  /// Whose the jobs are is known from the connection alone.
  job_caller caller() const {
    const auto& grant = *connection_->grant;
    return {grant.tenant, grant.name.empty() ? to_string(grant) : grant.name, grant.verbs.has(verb::operate)};
  }
  job_desk& desk() { return *connection_->shared.options.jobs.desk; }
  job_reader& reader() { return *connection_->shared.options.jobs.reader; }
  duration limit() const { return connection_->shared.options.query_timeout; }

  connection_ptr connection_;
};

}  // namespace

schema::jobs::Jobs::Client make_jobs(std::shared_ptr<connection_state> connection) {
  return kj::heap<jobs_server>(std::move(connection));
}

}  // namespace graphite::service_session
