#include <unistd.h>

#include <future>
#include <mutex>

#include "cli/console.hpp"
#include "cli/dev.hpp"
#include "cli/dev_metrics.hpp"
#include "cli/http_server.hpp"
#include "cli/json.hpp"
#include "cli/local_session.hpp"
#include "cli/log_setup.hpp"
#include "cli/signals.hpp"
#include "gateway/local_service.hpp"
#include "platform/metrics/prometheus_registry.hpp"

namespace graphite {

namespace {

session_options session_of(const dev_options& options) {
  session_options out;
  out.directory = options.directory;
  out.state = options.state;
  out.jobs = options.jobs;
  out.watch = true;
  out.serve = true;
  out.heads = {"127.0.0.1", options.heads_port, !options.heads_port_given};
  out.chunks = {"127.0.0.1", options.chunks_port, !options.chunks_port_given};
  return out;
}

/// Prints events of several threads, one at a time.
class event_printer {
 public:
  explicit event_printer(console& out) : out_(out) {}

  void generation(const head& now, const asset_changes& changes) {
    const std::lock_guard lock(mutex_);
    json_object event{{"event", "generation"}, {"channel", now.channel}, {"epoch", now.epoch.value},
                      {"sequence", now.sequence.value}, {"root", to_hex(now.root)}, {"assets", now.assets},
                      {"changed", changes.upserts.size()}, {"removed", changes.removals.size()}};
    out_.object(event);
    if (!out_.json())
      out_.say("generation {}: {} changed, {} removed", now.sequence.value, changes.upserts.size(), changes.removals.size());
  }

  void diagnostic(const diagnostic_line& line) {
    const std::lock_guard lock(mutex_);
    const char* level = line.severity == diagnostic_line::level::error     ? "error"
                        : line.severity == diagnostic_line::level::warning ? "warning"
                                                                           : "info";
    out_.object({{"event", "diagnostic"}, {"level", level}, {"path", line.path}, {"text", line.text}});
    if (!out_.json() && line.severity != diagnostic_line::level::info)
      out_.warn(line.path.empty() ? line.text : line.path + ": " + line.text);
  }

  void ready(const local_session& session, const std::string& metrics, const std::string& sock) {
    const std::lock_guard lock(mutex_);
    out_.object({{"event", "ready"}, {"heads", session.heads_address()}, {"chunks", session.chunks_address()},
                 {"metrics", metrics}, {"sock", sock}, {"pid", ::getpid()}});
    if (!out_.json()) out_.say("watching {}; heads {}; stop with Ctrl-C", session.config().root, session.heads_address());
  }

 private:
  console& out_;
  std::mutex mutex_;
};

/// The status object for operators; bounded, because the HTTP server has few threads.
result<std::string> status_text(service_facade& facade) {
  auto answered = std::make_shared<std::promise<result<service_status>>>();
  auto answer = answered->get_future();
  facade.status([answered](result<service_status> how) { answered->set_value(std::move(how)); });
  if (answer.wait_for(std::chrono::seconds(4)) != std::future_status::ready)
    return fail(errc::timed_out, "no answer within 4 s");
  GRAPHITE_TRY(const auto status, answer.get());
  return to_json(status).dump();
}

http_sources http_sources_of(metrics_registry& registry, service_facade& facade) {
  http_sources out;
  out.metrics = [&registry] { return registry.exposition(); };
  out.ready = [] { return true; };  // it listens only once everything else does
  out.status = [&facade] { return status_text(facade); };
  return out;
}

}  // namespace

int run_dev(const dev_options& options) {
  stop_signals stopping;
  console out(options.json);
  event_printer events(out);
  const auto log = make_log(options.log_level, options.log_json);
  auto wanted = session_of(options);
  const auto registry = make_prometheus_registry();
  dev_metrics metrics(*registry);
  wanted.on_generation = [&](const head& now, const asset_changes& changes, const stage_times& times) {
    metrics.generation(now, changes, times);
    events.generation(now, changes);
  };
  wanted.on_diagnostic = [&](const diagnostic_line& line) {
    metrics.diagnostic(line);
    events.diagnostic(line);
  };
  auto session = local_session::open(wanted, *log);
  if (!session) return out.failed(session.error());
  (*session)->system().on_stop([] { stop_signals::raise(); });
  local_service_options service;
  service.state_folder = (*session)->config().state;
  service.program = GRAPHITE_VERSION;
  auto served = local_service::start((*session)->facade(), std::move(service), *log);
  if (!served) return out.failed(served.error());
  auto operators = http_server::start(http_sources_of(*registry, (*session)->facade()),
                                      {.port = options.metrics_port, .any_port_if_taken = !options.metrics_port_given});
  if (!operators) return out.failed(operators.error());
  events.ready(**session, (*operators)->address(), (*served)->socket_path());
  stopping.wait();
  operators->reset();
  served->reset();
  session->reset();
  return 0;
}

}  // namespace graphite
