#include <sys/syscall.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <fmt/format.h>
#include <memory>

#include "cli/attach.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/linux/poll_wait.hpp"

namespace graphite {

namespace {

struct stop_options {
  project_options project;
  double timeout_seconds = 30;
};

int run_stop(const stop_options& options) {
  console out(options.project.json);
  auto client = attach(options.project);
  if (!client) return out.failed(client.error());
  const std::uint64_t pid = (*client)->service_pid();
  const owned_fd process(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)));
  const milliseconds timeout(static_cast<std::int64_t>(options.timeout_seconds * 1000));
  const auto stopped = (*client)->stop(timeout);
  if (!stopped) return out.failed(stopped.error());
  // It says goodbye before it lets go of the project. Served by this process, or on another machine, it
  // cannot be waited for.
  const bool other = options.project.remote.at.empty() && pid != static_cast<std::uint64_t>(::getpid());
  if (other && process && !readable_within(process.get(), timeout))
    return out.failed({errc::timed_out, fmt::format("process {} was asked to stop and still runs", pid)});
  out.say("process {} has stopped", pid);
  out.object({{"event", "stop"}, {"pid", pid}});
  return exit_ok;
}

}  // namespace

void add_stop(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<stop_options>();
  CLI::App& command = *root.add_subcommand("stop", "End the running service in good order");
  command.add_option("--timeout", kept->timeout_seconds, "Seconds to wait for its end")
      ->envname("GRAPHITE_STOP_TIMEOUT")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, 86400.0))
      ->capture_default_str();
  add_asking_options(command, kept->project);
  command.footer("Example:\n  graphite stop");
  command.callback([kept, &chosen] { chosen = [kept] { return run_stop(*kept); }; });
}

}  // namespace graphite
