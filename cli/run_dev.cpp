#include <unistd.h>

#include <atomic>
#include <mutex>

#include "cli/attach.hpp"
#include "cli/cluster_metrics.hpp"
#include "cli/cluster_session.hpp"
#include "cli/config/project_file.hpp"
#include "cli/console.hpp"
#include "cli/dev.hpp"
#include "cli/dev_metrics.hpp"
#include "cli/json.hpp"
#include "cli/line_queue.hpp"
#include "cli/local_session.hpp"
#include "cli/log_setup.hpp"
#include "cli/project_check.hpp"
#include "cli/service_access.hpp"
#include "cli/signals.hpp"
#include "gateway/http_server.hpp"
#include "gateway/local_service.hpp"
#include "platform/linux/thread_turns.hpp"
#include "platform/metrics/prometheus_registry.hpp"

namespace graphite {

namespace {

session_options session_of(const dev_options& options) {
  session_options out;
  out.directory = options.directory;
  out.state = options.state;
  out.keys = options.keys;
  out.jobs = options.jobs;
  out.scratch_in_memory = options.scratch == "memory";
  out.pin = parse_pin_mode(options.pin).value_or(pin_mode::automatic);
  out.sandbox = options.sandbox;
  out.watch = true;
  out.serve = true;
  if (!options.control.empty()) {
    const auto at = parse_host_port(options.control);
    out.cluster =
        cluster_of({at ? at->host : options.control, at ? at->port : std::uint16_t{0}, options.control_keys,
                    options.copies, seconds(options.patience_s), seconds(options.store_away_s)});
  }
  out.ports.heads = {options.listen, options.heads_port, !options.heads_port_given};
  out.ports.chunks = {options.listen, options.chunks_port, !options.chunks_port_given};
  return out;
}

service_access_options access_of(const dev_options& options) {
  service_access_options out;
  out.certificates_at = options.listen_clients;
  out.tokens_at = options.listen_tokens;
  out.operators_at = options.listen_operators;
  out.metrics_port = options.metrics_port;
  out.any_metrics_port_if_taken = !options.metrics_port_given;
  out.tenant = options.tenant;
  return out;
}

/// Tells events of several threads. Nobody waits for whoever reads standard output.
class event_printer {
 public:
  explicit event_printer(console& out) : out_(out), lines_(STDOUT_FILENO) {}

  void generation(const head& now, const asset_changes& changes) {
    tell({{"event", "generation"},
          {"channel", now.channel},
          {"epoch", now.epoch.value},
          {"sequence", now.sequence.value},
          {"root", to_hex(now.root)},
          {"assets", now.assets},
          {"changed", changes.upserts.size()},
          {"removed", changes.removals.size()}});
    if (!out_.json())
      say(fmt::format("generation {}: {} changed, {} removed", now.sequence.value, changes.upserts.size(),
                      changes.removals.size()));
  }

  void diagnostic(const diagnostic_line& line) {
    const char* level = line.severity == diagnostic_line::level::error     ? "error"
                        : line.severity == diagnostic_line::level::warning ? "warning"
                                                                           : "info";
    tell({{"event", "diagnostic"}, {"level", level}, {"path", line.path}, {"text", line.text}});
    if (out_.json() || line.severity == diagnostic_line::level::info) return;
    const std::lock_guard lock(mutex_);
    out_.warn(line.path.empty() ? line.text : line.path + ": " + line.text);
  }

  void ready(const local_session& session, const std::string& metrics, const local_service& clients) {
    json_object event{
        {"event", "ready"},   {"heads", session.heads_address()}, {"chunks", session.chunks_address()},
        {"metrics", metrics}, {"sock", clients.socket_path()},    {"pid", ::getpid()}};
    const auto add = [&](const char* name, const std::string& value) {
      if (!value.empty()) event[name] = value;
    };
    add("clients", clients.certificates_address());
    add("tokens", clients.tokens_address());
    add("token_file", clients.start_token_path());
    add("control", session.control_address());
    tell(std::move(event));
    if (!out_.json()) tell_people(session, metrics);
  }

  /// A line for people.
  void say(const std::string& text) {
    if (!out_.json()) {
      lines_.push([&](std::uint64_t dropped) {
        return dropped == 0 ? text : fmt::format("({} lines were left out)\n{}", dropped, text);
      });
      return;
    }
    const std::lock_guard lock(mutex_);
    out_.line(text);
    out_.flush();
  }

  /// The exit code.
  int failed(const error& why) {
    tell(error_object(why));
    const std::lock_guard lock(mutex_);
    return out_.report(why);
  }

 private:
  void tell(json_object event) {
    if (!out_.json()) return;
    lines_.push([&](std::uint64_t dropped) {
      if (dropped > 0) event["dropped"] = dropped;
      return json_text(event);
    });
  }

  void tell_people(const local_session& session, const std::string& metrics) {
    say(fmt::format("watching {}", printable(session.config().root)));
    if (!session.control_address().empty())
      say(fmt::format("  nodes dial {}: graphite node --coordinator {} --keys DIR/nodes/NAME",
                      session.control_address(), session.control_address()));
    say(fmt::format("  heads {}, metrics http://{}/metrics", session.heads_address(), metrics));
    say(fmt::format("  graphite subscribe --from {} --into DIR", session.heads_address()));
    say("stop with Ctrl-C or `graphite stop`");
  }

  console& out_;
  std::mutex mutex_;  ///< of standard error
  line_queue lines_;
};

http_sources http_sources_of(metrics_registry& registry, dev_metrics& metrics, local_session& session) {
  http_sources out;
  auto& facade = session.facade();
  out.metrics = [&registry, &metrics, &session] {
    metrics.subscribers(session.subscribers());
    metrics.stores(session.stores());
    return registry.exposition();
  };
  out.ready = [] { return true; };  // it listens only once everything else does
  out.status = [&facade, cluster = session.cluster()](const reply<std::string>& done) {
    facade.status([done, cluster](const result<service_status>& how) {
      if (!how || cluster == nullptr)
        return done(how.map([](const service_status& status) { return to_json(status).dump(); }));
      cluster->report([done, all = to_json(*how)](const result<cluster_report>& now) mutable {
        if (now) all["cluster"] = to_json(*now);
        done(now.map([&](const cluster_report&) { return all.dump(); }));
      });
    });
  };
  return out;
}

/// Whether the project file, as it is now, can be used; what is wrong with it is reported.
bool usable_project(const dev_options& options, event_printer& events) {
  const auto checked = check_project({options.directory, options.state});
  if (checked) return true;
  events.diagnostic({diagnostic_line::level::error, std::string(project_file_name),
                     checked.error().context + "\nthe project goes on as it was"});
  return false;
}

std::uint16_t port_of(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
}

/// One life of the service: until it is told to stop, or the project file has changed.
class dev_service {
 public:
  dev_service(dev_options& options, console& out, log_sink& log, stop_signals& signals)
      : options_(options),
        log_(log),
        signals_(signals),
        events_(out),
        registry_(make_prometheus_registry()),
        metrics_(*registry_) {}

  /// The exit code, or nothing where it is to live again.
  std::optional<int> live() {
    changed_ = false;
    metrics_.new_session();
    auto session = open_session();
    if (!session) return events_.failed(session.error());
    (*session)->system().on_stop([] { stop_signals::raise(); });
    service_access access(access_of(options_), (*session)->keys(), log_);
    local_service_options service;
    service.state_folder = (*session)->config().state;
    service.program = GRAPHITE_VERSION;
    service.network = access.network();
    service.audit = (*session)->audit();
    service.cluster = (*session)->cluster();
    service.jobs = (*session)->jobs();
    auto served = local_service::start((*session)->facade(), std::move(service), log_);
    if (!served) return events_.failed(served.error());
    auto operators = start_operators(**session, **served, access);
    if (!operators) return events_.failed(operators.error());
    access.follow(**served, **operators);
    std::optional<cluster_watch> figures;
    if (auto* cluster = (*session)->cluster()) figures.emplace(*cluster, *registry_);
    again_.reset();
    keep_ports(**session, **served, **operators);
    (*session)->system().set_addresses(
        {static_cast<std::uint64_t>(::getpid()), (*session)->chunks_address(), (*operators)->address()});
    events_.ready(**session, (*operators)->address(), **served);
    while (true) {
      if (signals_.wait()) break;
      if (!changed_.exchange(false)) continue;  // of an earlier life
      if (!usable_project(options_, events_)) {
        (*session)->go_on();
        continue;
      }
      events_.say("the project file or a tool has changed: starting again with it");
      again_.emplace((*session)->config().state);
      break;
    }
    access.stop_following();
    figures.reset();
    operators->reset();
    served->reset();
    session->reset();
    return again_ ? std::nullopt : std::optional(0);
  }

 private:
  result<std::unique_ptr<local_session>> open_session() {
    const short_turns of_what_a_save_passes;
    return local_session::open(wanted(), log_);
  }

  result<std::unique_ptr<http_server>> start_operators(local_session& session, const local_service& clients,
                                                       const service_access& access) {
    GRAPHITE_TRY(const auto options, access.operators(clients));
    return http_server::start(http_sources_of(*registry_, metrics_, session), options, log_);
  }

  session_options wanted() {
    auto out = session_of(options_);
    out.on_generation = [this](const head& now, const asset_changes& changes, const stage_times& times) {
      metrics_.generation(now, changes, times);
      events_.generation(now, changes);
    };
    out.on_diagnostic = [this](const diagnostic_line& line) {
      metrics_.diagnostic(line);
      events_.diagnostic(line);
    };
    out.on_idle = [this](const engine_commands::idle& totals, const engine_status& now) {
      metrics_.settled(totals, now);
    };
    out.on_running = [this](std::size_t done, std::size_t all, const std::string&) {
      metrics_.running(done, all);
    };
    out.on_outdated = [this] {
      changed_ = true;
      stop_signals::nudge();
    };
    return out;
  }

  /// Subscribers come back to the addresses they know.
  void keep_ports(const local_session& session, const local_service& clients, const http_server& operators) {
    options_.heads_port = port_of(session.heads_address());
    options_.chunks_port = port_of(session.chunks_address());
    if (!clients.certificates_address().empty()) options_.listen_clients = clients.certificates_address();
    if (!clients.tokens_address().empty()) options_.listen_tokens = clients.tokens_address();
    if (!options_.listen_operators.empty()) options_.listen_operators = operators.address();
    if (!options_.control.empty()) options_.control = session.control_address();
    options_.metrics_port = operators.port();
    options_.heads_port_given = options_.chunks_port_given = options_.metrics_port_given = true;
  }

  dev_options& options_;
  log_sink& log_;
  stop_signals& signals_;
  event_printer events_;
  std::unique_ptr<metrics_registry> registry_;
  dev_metrics metrics_;
  std::atomic<bool> changed_ = false;
  std::optional<restart_mark> again_;  ///< between two lives
};

}  // namespace

int run_dev(const dev_options& options) {
  stop_signals stopping;
  console out(options.json);
  const auto log = make_log(options.log_level, options.log_json);
  auto now = options;
  dev_service service(now, out, *log, stopping);
  while (true)
    if (const auto code = service.live()) return *code;
}

}  // namespace graphite
