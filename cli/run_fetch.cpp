#include "cli/exit_codes.hpp"
#include "cli/fetch.hpp"
#include "cli/job_access.hpp"
#include "cli/job_outputs.hpp"
#include "cli/log_setup.hpp"
#include "cli/new_file.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/clock.hpp"

namespace graphite {

int fetch_and_tell(console& out, live_progress& shown, job_session& session, job_id job,
                   const std::string& into, log_sink& log) {
  const auto info = session.status(job);
  if (!info) return out.failed(info.error());
  const openssl_hasher hash;
  const system_clock_source clock;
  const auto progress = [&](std::size_t done, std::size_t all) { shown.fetches(done, all); };
  const auto fetched = fetch_outputs(*info, into, {session, hash, clock, log, progress});
  shown.finish();
  if (!fetched) return out.failed(fetched.error());
  out.say("{} files, {} bytes in {}", fetched->files, fetched->bytes, printable(into));
  out.object({{"event", "fetched"},
              {"job", job.value},
              {"folder", into},
              {"files", fetched->files},
              {"bytes", fetched->bytes}});
  return exit_ok;
}

int run_fetch(const fetch_options& options) {
  console out(options.project.json);
  if (const auto good = check_new_folder(options.into); !good) return out.failed(good.error());
  const auto log = make_log(options.log_level, false);
  live_progress shown(out);
  auto session = asking_once(options.project);
  return fetch_and_tell(out, shown, session, job_id{options.job}, options.into, *log);
}

}  // namespace graphite
