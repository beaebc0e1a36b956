#include <CLI/CLI.hpp>

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "cli/attach.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"

namespace graphite {

namespace {

struct hold_options {
  project_options project;
  double timeout_seconds = 0;
  std::vector<std::string> command;
};

volatile sig_atomic_t interrupted = 0;

/// While it lives, Ctrl-C and SIGTERM set `interrupted` instead of ending us before the hold is given back.
class interrupt_watch {
 public:
  interrupt_watch() {
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    ::sigaction(SIGINT, &action, &old_int_);
    ::sigaction(SIGTERM, &action, &old_term_);
  }
  ~interrupt_watch() {
    ::sigaction(SIGINT, &old_int_, nullptr);
    ::sigaction(SIGTERM, &old_term_, nullptr);
  }

 private:
  struct sigaction old_int_ {
  }, old_term_{};
};

result<pid_t> start(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int code = ::posix_spawnp(&pid, argv[0], nullptr, nullptr, argv.data(), environ);
  if (code != 0) return fail_errno(code, command.front());
  return pid;
}

/// The exit code of a child that has ended, as shells give it.
std::optional<int> ended(pid_t pid) {
  int status = 0;
  if (::waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct hold_outcome {
  std::string why;
  int code = exit_ok;
};

/// Waits for whatever ends the hold first. A command's end is waited for in any case.
hold_outcome keep(service_client& client, const hold_options& options, std::optional<pid_t> child) {
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(options.timeout_seconds);
  while (true) {
    const hold_state state = client.wait_for_hold_end(milliseconds(50));
    if (child) {
      if (const auto code = ended(*child)) return {"command ended", *code};
    } else if (interrupted != 0) {
      return {"interrupted", exit_ok};
    } else if (state == hold_state::service_gone) {
      return {"service ended", exit_unavailable};
    } else if (state == hold_state::ended) {
      return {"released", exit_ok};
    } else if (options.timeout_seconds > 0 && std::chrono::steady_clock::now() >= until) {
      return {"timeout", exit_ok};
    }
    if (state != hold_state::in_force) ::usleep(50'000);  // the command goes on without the hold
  }
}

int run_hold(const hold_options& options) {
  console out(options.project.json);
  auto client = attach(options.project);
  if (!client) return out.failed(client.error());
  const interrupt_watch watch;
  const milliseconds timeout(static_cast<std::int64_t>(options.timeout_seconds * 1000));
  if (auto held = (*client)->hold(timeout); !held) return out.failed(held.error());
  out.object({{"event", "hold"}, {"timeout_seconds", options.timeout_seconds}});
  std::optional<pid_t> child;
  if (!options.command.empty()) {
    auto started = start(options.command);
    if (!started) return out.failed(started.error());
    child = *started;
  } else {
    out.say("held: saves are noticed and wait; Ctrl-C or `graphite release` lets them go");
  }
  const hold_outcome outcome = keep(**client, options, child);
  (void)(*client)->release();  // already gone is as good
  if (!child) out.say("released ({})", outcome.why);
  out.object({{"event", "released"}, {"why", outcome.why}});
  return outcome.code;
}

int run_release(const project_options& options) {
  console out(options.json);
  auto client = attach(options);
  if (!client) return out.failed(client.error());
  const auto released = (*client)->release_all();
  if (!released) return out.failed(released.error());
  out.say("{}", *released == 0 ? std::string("nothing was held") : fmt::format("released {}", *released));
  out.object({{"event", "release"}, {"released", *released}});
  return exit_ok;
}

}  // namespace

void add_hold(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<hold_options>();
  CLI::App& command = *root.add_subcommand("hold", "Keep changes back until several files are saved");
  command.add_option("COMMAND", kept->command, "Run this and hold until it ends; its exit code is ours");
  command.add_option("--timeout", kept->timeout_seconds, "Let go after so many seconds (default: never)")
      ->envname("GRAPHITE_HOLD_TIMEOUT")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, 86400.0));
  add_asking_options(command, kept->project);
  command.positionals_at_end();
  command.footer(
      "Saves made meanwhile become one revision. The hold ends with this program, however it ends, with\n"
      "`graphite release`, or after --timeout.\n\n"
      "Examples:\n"
      "  graphite hold                         until Ctrl-C\n"
      "  graphite hold --timeout 60 &\n"
      "  graphite hold -- git checkout main    the whole checkout is one revision");
  command.callback([kept, &chosen] { chosen = [kept] { return run_hold(*kept); }; });
}

void add_release(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<project_options>();
  CLI::App& command = *root.add_subcommand("release", "End every hold, whoever made it");
  add_asking_options(command, *kept);
  command.footer("Example:\n  graphite release");
  command.callback([kept, &chosen] { chosen = [kept] { return run_release(*kept); }; });
}

}  // namespace graphite
