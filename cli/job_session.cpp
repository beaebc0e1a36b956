#include "cli/job_session.hpp"

#include <sys/random.h>

#include <cerrno>

#include <algorithm>
#include <thread>
#include <utility>

namespace graphite {

namespace {

/// Whether the same question may be answered later.
bool passes(errc code) { return code == errc::unavailable || code == errc::timed_out || code == errc::busy; }

}  // namespace

job_session::job_session(connector connect, job_session_options options)
    : connect_(std::move(connect)), options_(std::move(options)) {
  if (!options_.pause) options_.pause = [](milliseconds time) { std::this_thread::sleep_for(time); };
}

result<void> job_session::ensure_connected() {
  if (jobs_) return {};
  service_.reset();  // a thread has one at a time
  GRAPHITE_TRY(service_, connect_());
  GRAPHITE_TRY(jobs_, job_client::open(*service_));
  return {};
}

template <class Call>
auto job_session::again(Call call) -> decltype(call(std::declval<job_client&>())) {
  auto pause = options_.first_pause;
  auto since = std::chrono::steady_clock::now();
  auto answers = answers_;
  bool told = false;
  while (true) {
    auto done = [&]() -> decltype(call(*jobs_)) {
      GRAPHITE_CHECK(ensure_connected());
      return call(*jobs_);
    }();
    if (done) return ++answers_, done;
    const auto code = done.error().code;
    if (code == errc::unavailable || code == errc::timed_out) jobs_.reset();
    if (std::exchange(answers, answers_) != answers_) {
      since = std::chrono::steady_clock::now();
      pause = options_.first_pause;
      told = false;
    }
    const auto patience =
        answers_ == 0 ? options_.first_answer_within.value_or(options_.retry_for) : options_.retry_for;
    if (!passes(code) || std::chrono::steady_clock::now() - since >= patience) return done;
    if (!std::exchange(told, true)) options_.on_away(done.error());
    options_.pause(pause);
    pause = std::min(pause * 2, options_.longest_pause);
  }
}

result<job_accepted> job_session::submit(const job_request& request) {
  return again([&](job_client& jobs) { return jobs.submit(request); });
}

result<missing_answer> job_session::missing(const missing_request& request) {
  return again([&](job_client& jobs) { return jobs.missing(request); });
}

result<job_info> job_session::uploaded(job_id job) {
  return again([&](job_client& jobs) { return jobs.uploaded(job); });
}

result<job_info> job_session::cancel(job_id job) {
  return again([&](job_client& jobs) { return jobs.cancel(job); });
}

result<job_info> job_session::status(job_id job) {
  return again([&](job_client& jobs) { return jobs.status(job); });
}

result<std::vector<job_info>> job_session::list(const job_filter& filter) {
  return again([&](job_client& jobs) { return jobs.list(filter); });
}

result<why_answer> job_session::why(job_id job, const std::string& path) {
  return again([&](job_client& jobs) { return jobs.why(job, path); });
}

result<trace_page> job_session::trace(job_id job, std::uint64_t after) {
  return again([&](job_client& jobs) { return jobs.trace(job, after); });
}

result<job_client::watched> job_session::watch(job_id job, std::uint64_t after,
                                               const std::function<bool(const job_event_batch&)>& each) {
  auto last = after;
  const auto note = [&](const job_event_batch& batch) {
    last = std::max(last, batch.last);
    ++answers_;
    return each(batch);
  };
  return again([&](job_client& jobs) { return jobs.watch(job, last, note); });
}

result<job_client::watched> job_session::logs(job_client::log_question what,
                                              const std::function<bool(const job_log_batch&)>& each) {
  const auto note = [&](const job_log_batch& batch) {
    what.after = std::max(what.after, batch.last);
    ++answers_;
    return each(batch);
  };
  return again([&](job_client& jobs) { return jobs.logs(what, note); });
}

std::string make_job_key() {
  std::string out(32, '\0');
  std::size_t have = 0;
  while (have < out.size()) {
    const auto got = ::getrandom(out.data() + have, out.size() - have, 0);
    GRAPHITE_INVARIANT(got > 0 || errno == EINTR);
    if (got > 0) have += static_cast<std::size_t>(got);
  }
  return out;
}

}  // namespace graphite
