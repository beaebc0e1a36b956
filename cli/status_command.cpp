#include <CLI/CLI.hpp>

#include <memory>

#include "cli/attach.hpp"
#include "cli/cluster_text.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"
#include "gateway/cluster_client.hpp"

namespace graphite {

namespace {

std::string span_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  if (seconds < 3600) return fmt::format("{} min", static_cast<std::uint64_t>(seconds / 60));
  return fmt::format("{} h {} min", static_cast<std::uint64_t>(seconds / 3600),
                     static_cast<std::uint64_t>(seconds / 60) % 60);
}

void print_project(console& out, const service_status& s) {
  out.say("{}  {}", out.styled(printable(s.project), text_style::strong), printable(s.root));
  out.say("  process {}, up {}, state in {}", s.pid, span_text(s.uptime_seconds), printable(s.state));
  out.say("  watching {} folders by {}{}", s.watched_folders, s.watch_mode,
          s.watch_reason.empty() ? "" : " (" + printable(s.watch_reason) + ")");
  out.say("  {} sources, {} actions, {} assets", s.sources, s.actions, s.assets);
  out.say("  heads {}, chunks {}, metrics {}", s.heads_address, s.chunks_address, s.metrics_address);
  if (s.held) out.say("  {}", out.styled("held: revisions wait for `graphite release`", text_style::warning));
}

void print_machine(console& out, const machine_status& s) {
  for (const auto& one : s.domains)
    out.say("  node {}: processors {}, {} build threads{}", one.node, printable(one.cpus), one.threads,
            s.pinned ? ", bound" : "");
  out.say("  {}: {}", s.pinned ? "pinned" : "not pinned", printable(s.pin_reason));
  if (!s.placement_reason.empty())
    out.say("  memory is not placed on nodes: {}", printable(s.placement_reason));
  out.say("  asynchronous I/O of the C API is by {} here{}", printable(s.io_adapter),
          s.io_reason.empty() ? "" : " (" + printable(s.io_reason) + ")");
  if (!s.sandbox.empty())
    out.say("  sandbox of commands: {} ({}){}",
            s.sandbox == "none" ? out.styled("none", text_style::warning) : s.sandbox,
            printable(s.sandbox_mode), s.sandbox_reason.empty() ? "" : ": " + printable(s.sandbox_reason));
  if (s.remote_access)
    out.say("  {:.1f} % remote memory ({})", 100 * *s.remote_access, printable(s.remote_source));
  else
    out.say("  remote memory: unknown ({})", printable(s.remote_reason));
}

void print_work(console& out, const service_status& s) {
  out.say("{} stale, {} running, {} failed", s.stale, s.running.size(), s.failed_count);
  for (const auto& one : s.running)
    out.say("  running {:>7}  {}  {}", span_text(one.seconds), printable(one.rule), printable(one.path));
  for (const auto& one : s.failed)
    out.say("  {}  {}: {}", out.styled("failed", text_style::bad), printable(one.path),
            printable(one.message, true));
  if (s.failed_count > s.failed.size()) out.say("  … and {} more", s.failed_count - s.failed.size());
}

void print_channels(console& out, const service_status& s) {
  for (const auto& one : s.channels) {
    const std::string newest =
        one.newest ? fmt::format("generation {} (epoch {}), {} assets", one.newest->sequence.value,
                                 one.newest->epoch.value, one.newest->assets)
                   : std::string("nothing published");
    out.say("channel {}: {}, {} behind, {} subscribers", printable(one.name), newest, one.behind,
            one.subscribers);
    for (const auto& who : s.subscribers)
      if (who.channel == one.name)
        out.say("  {}  generation {}, heard {} ago", printable(who.name), who.sequence,
                span_text(who.seconds_ago));
  }
}

/// Nothing where the service has no cluster.
result<std::optional<cluster_report>> cluster_of(service_client& client) {
  auto cluster = cluster_client::open(client);
  if (!cluster && cluster.error().code == errc::unsupported) return std::nullopt;
  if (!cluster) return tl::unexpected<error>(cluster.error());
  GRAPHITE_TRY(auto report, (*cluster)->report());
  return std::optional(std::move(report));
}

int run_status(const project_options& options) {
  console out(options.json);
  auto client = attach(options);
  if (!client) return out.failed(client.error());
  const auto status = (*client)->status();
  if (!status) return out.failed(status.error());
  const auto cluster = cluster_of(**client);
  if (!cluster) return out.failed(cluster.error());
  if (!options.json) {
    print_project(out, *status);
    print_machine(out, status->machine);
    print_work(out, *status);
    if (*cluster) print_cluster(out, **cluster);
    print_channels(out, *status);
  }
  auto all = to_json(*status);
  if (*cluster) all["cluster"] = to_json(**cluster);
  out.object(all);
  return exit_ok;
}

}  // namespace

void add_status(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<project_options>();
  CLI::App& command =
      *root.add_subcommand("status", "Show what is watched, stale, running, failed and published");
  add_asking_options(command, *kept);
  command.footer(
      "Asks the running `graphite dev` or `graphite coordinator` of the project; of a coordinator it also "
      "shows\n"
      "nodes, their domains, the queue by class, what runs where and how long it will take.\n\n"
      "Examples:\n"
      "  graphite status\n"
      "  graphite status --json | jq .failed");
  command.callback([kept, &chosen] { chosen = [kept] { return run_status(*kept); }; });
}

}  // namespace graphite
