#include <future>

#include "cli/exit_codes.hpp"
#include "cli/gc.hpp"
#include "cli/live_progress.hpp"
#include "cli/local_session.hpp"
#include "cli/log_setup.hpp"

namespace graphite {

int run_gc(const gc_options& options) {
  console out(options.json);
  const auto log = make_log(options.log_level, false);
  live_progress shown(out);
  session_options session;
  session.directory = options.directory;
  session.state = options.state;
  session.on_collection = [&](std::uint64_t done, std::uint64_t all, const std::string& what) {
    shown.collection(done, all, what);
  };
  auto opened = local_session::open_idle(session, *log);
  if (!opened) return out.failed(opened.error());
  std::promise<result<gc_report>> answered;
  (*opened)->facade().gc(options.request, [&](result<gc_report> how) { answered.set_value(std::move(how)); });
  const auto report = answered.get_future().get();
  shown.finish();
  if (!report) return out.failed(report.error());
  print_gc(out, *report, options.request.dry_run);
  return exit_ok;
}

}  // namespace graphite
