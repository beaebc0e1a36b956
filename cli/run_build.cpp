#include <future>
#include <mutex>

#include "cli/build.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"
#include "cli/live_progress.hpp"
#include "cli/local_session.hpp"
#include "cli/log_setup.hpp"

namespace graphite {

namespace {

result<build_summary> ask(service_facade& facade, build_request request) {
  std::promise<result<build_summary>> answered;
  facade.build(request, [&](result<build_summary> how) { answered.set_value(std::move(how)); });
  return answered.get_future().get();
}

}  // namespace

int run_build(const build_options& options) {
  console out(options.json);
  const auto started = std::chrono::steady_clock::now();
  if (!options.git_revision.empty())
    return out.failed({errc::unsupported, "--rev needs a cluster's coordinator, which this version does not have"});
  if (!options.coordinator.empty())
    return out.failed({errc::unsupported, "--coordinator: this version builds on one machine"});
  const auto log = make_log(options.log_level, false);
  session_options session;
  session.directory = options.directory;
  session.state = options.state;
  session.jobs = options.jobs;
  session.all_or_nothing = true;
  session.keep_going = options.keep_going;
  live_progress shown(out);
  session.on_ingest = [&](std::size_t done, std::size_t all, const std::string& now) { shown.files(done, all, now); };
  session.on_running = [&](std::size_t done, std::size_t all, const std::string& now) { shown.actions(done, all, now); };
  auto opened = local_session::open(session, *log);
  if (!opened) return out.failed(opened.error());
  auto summary = ask((*opened)->facade(), {options.keep_going, options.dry_run});
  shown.finish();
  if (!summary) return out.failed(summary.error());
  summary->action_cpu_seconds = std::chrono::duration<double>((*opened)->action_cpu()).count();
  summary->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return print_build(out, *summary, options.dry_run);
}

}  // namespace graphite
