#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>

#include "cli/attach.hpp"
#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"

namespace graphite {

void add_build(CLI::App& root, chosen_command& chosen, const command_handlers& handlers) {
  if (!handlers.build) return;
  struct state {
    project_options project;
    build_options build;
  };
  auto kept = std::make_shared<state>();
  build_options& options = kept->build;
  CLI::App& command = *root.add_subcommand("build", "Build everything that is out of date and publish it");
  add_project_options(command, kept->project);
  command
      .add_option("--rev", options.git_revision, "Build the tree of this git revision, not the working tree")
      ->envname("GRAPHITE_REV")
      ->type_name("GITREV");
  command.add_flag("-k,--keep-going", options.keep_going, "Build what can be built in spite of failures")
      ->envname("GRAPHITE_KEEP_GOING");
  command.add_flag("--dry-run", options.dry_run, "List what would run, and why; run nothing")
      ->envname("GRAPHITE_DRY_RUN");
  add_action_options(command, options.jobs, options.scratch, options.pin);
  add_publisher_keys_option(command, options.keys);
  command.get_option("--keys")->description(
      "Sign generations with the keys of this folder, which `graphite keygen` made; with --at or "
      "--coordinator, the client's keys");
  add_sandbox_option(command, options.sandbox);
  command
      .add_option("--coordinator", options.coordinator,
                  "Build on the cluster of this coordinator, as `graphite submit --wait` does")
      ->envname("GRAPHITE_COORDINATOR")
      ->type_name("HOST[:PORT]");
  command
      .add_flag("--local-fallback", options.local_fallback,
                "With --coordinator: build here where the cluster is away")
      ->envname("GRAPHITE_LOCAL_FALLBACK");
  command.add_option("--into", options.into, "With --coordinator: bring what was made to this new folder")
      ->envname("GRAPHITE_OUTPUTS")
      ->type_name("DIR")
      ->needs("--coordinator")
      ->excludes("--local-fallback");
  add_remote_address(command, options.remote);
  add_log_level_option(command, options.log_level);
  command.footer(
      "Where `graphite dev` runs for the project, it is asked to build; otherwise this process builds.\n\n"
      "Examples:\n"
      "  graphite build\n"
      "  graphite build -C ~/game -k           go on after a failure, list all of them\n"
      "  graphite build --dry-run              what would run\n"
      "  graphite build --rev v1.2             what the commit v1.2 holds, not the working tree\n"
      "  graphite build --coordinator farm --keys ~/keys/ann --local-fallback\n"
      "  graphite build --json | tail -1       how it ended, for scripts");
  command.callback([kept, &chosen, run = handlers.build] {
    kept->build.directory = kept->project.directory;
    kept->build.state = kept->project.state;
    kept->build.json = kept->project.json;
    kept->build.remote.keys = kept->build.keys;
    chosen = [kept, run] { return run(kept->build); };
  });
}

namespace {

text_style style_of(diagnostic_line::level level) {
  switch (level) {
    case diagnostic_line::level::info:
      return text_style::plain;
    case diagnostic_line::level::warning:
      return text_style::warning;
    case diagnostic_line::level::error:
      return text_style::bad;
  }
  return text_style::bad;
}

void print_diagnostic(console& out, const diagnostic_line& line) {
  const std::string where = line.path.empty() ? "" : printable(line.path) + ": ";
  const char* word = line.severity == diagnostic_line::level::error     ? "error: "
                     : line.severity == diagnostic_line::level::warning ? "warning: "
                                                                        : "";
  out.line(where + out.styled(word, style_of(line.severity)) + printable(line.text, true));
}

/// Whether the running service can do what is asked; what it cannot is said, never ignored.
result<void> check_attachable(const build_options& options, std::uint64_t pid) {
  const auto refuse = [&](std::string_view option) -> result<void> {
    return fail(errc::unsupported,
                fmt::format("{} cannot be used while process {} serves this project: `graphite "
                            "stop` ends it",
                            option, pid));
  };
  if (!options.git_revision.empty()) return refuse("--rev");
  if (options.jobs != 0) return refuse("--jobs");
  if (options.scratch != "memory") return refuse("--scratch");
  if (options.pin != "auto") return refuse("--pin");
  if (!options.sandbox.empty()) return refuse("--sandbox");
  return {};
}

/// Asks a service on another machine, or this one's port.
int build_there(console& out, const build_options& options) {
  auto client = attach(options.remote);
  if (!client) return out.failed(client.error());
  if (auto fits = check_attachable(options, (*client)->service_pid()); !fits) return out.failed(fits.error());
  const auto summary = (*client)->build({options.keep_going, options.dry_run});
  if (!summary) return out.failed(summary.error());
  return print_build(out, *summary, options.dry_run);
}

/// A service that starts again with a changed project file or tool is back within this. It is asked for again
/// and again: nothing tells when its socket is there.
constexpr seconds restart_wait{30};
constexpr milliseconds restart_poll{10};

}  // namespace

void print_summary(console& out, const build_summary& summary, bool dry_run) {
  for (const auto& line : summary.diagnostics) print_diagnostic(out, line);
  if (dry_run) {
    if (summary.diagnostics.empty()) out.say("nothing to do");
  } else if (summary.ran + summary.failed + summary.changed_sources == 0) {
    out.say("nothing to do: {} assets up to date ({:.3f} s)", summary.assets, summary.seconds);
  } else {
    out.say(
        "{}: {} assets, {} ran, {} cached, {} failed, {} behind ({:.2f} s)",
        summary.failed > 0 ? out.styled("failed", text_style::bad) : out.styled("built", text_style::good),
        summary.assets, summary.ran, summary.cached, summary.failed, summary.behind, summary.seconds);
  }
  if (summary.generation && !dry_run)
    out.say("generation {} of channel {} in {}", summary.generation->sequence.value,
            summary.generation->channel, summary.bundle);
}

int print_build(console& out, const build_summary& summary, bool dry_run) {
  print_summary(out, summary, dry_run);
  out.object(to_json(summary, dry_run));
  return summary.failed > 0 ? exit_failed : exit_ok;
}

std::optional<int> build_attached(const build_options& options) {
  console out(options.json);
  if (!options.coordinator.empty()) return std::nullopt;
  if (!options.remote.at.empty()) return build_there(out, options);
  const auto until = std::chrono::steady_clock::now() + restart_wait;
  const auto in_time = [until] { return std::chrono::steady_clock::now() < until; };
  std::optional<error> gone;
  for (;; std::this_thread::sleep_for(restart_poll)) {
    auto folder = find_state_folder(options.directory, options.state);
    if (!folder) return std::nullopt;  // the build itself says what is wrong with the project
    auto client = attach(*folder);
    if (!client && client.error().code == errc::unavailable) {
      if (is_restarting(*folder) && in_time()) continue;
      return gone ? std::optional(out.failed(*gone)) : std::nullopt;
    }
    if (!client) return out.failed(client.error());
    if (auto fits = check_attachable(options, (*client)->service_pid()); !fits)
      return out.failed(fits.error());
    const auto summary = (*client)->build({options.keep_going, options.dry_run});
    if (summary) return print_build(out, *summary, options.dry_run);
    if (summary.error().code != errc::unavailable || !in_time()) return out.failed(summary.error());
    gone = summary.error();  // unless it starts again
  }
}

}  // namespace graphite
