#include <CLI/CLI.hpp>

#include <memory>

#include "cli/attach.hpp"
#include "cli/config/quantity.hpp"
#include "cli/exit_codes.hpp"
#include "cli/gc.hpp"
#include "cli/json.hpp"

namespace graphite {

namespace {

struct gc_words {
  project_options project;
  std::string cache_bytes;  ///< as it was typed; empty: not given
  gc_options options;
};

std::string mb(std::uint64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

}  // namespace

void add_gc(CLI::App& root, chosen_command& chosen, const command_handlers& handlers) {
  if (!handlers.gc) return;
  auto kept = std::make_shared<gc_words>();
  CLI::App& command =
      *root.add_subcommand("gc", "Drop results of the action cache and free the space of all nothing needs");
  add_project_options(command, kept->project);
  command
      .add_option("--cache-bytes", kept->cache_bytes,
                  "Keep so much that only the action cache needs (\"2 GiB\" or bytes; 0: nothing; default: "
                  "cache_max of the project)")
      ->envname("GRAPHITE_CACHE_BYTES")
      ->type_name("N")
      ->check([](const std::string& text) {
        const auto bytes = parse_bytes(text);
        return bytes ? std::string() : bytes.error().context;
      });
  command
      .add_flag("--dry-run", kept->options.request.dry_run, "Tell what would go from the cache; drop nothing")
      ->envname("GRAPHITE_DRY_RUN");
  add_log_level_option(command, kept->options.log_level);
  command.footer(
      "A result of an action is kept with its outputs, so that going back to an old state of a source runs\n"
      "nothing. The least recently used ones are dropped until what only the cache keeps fits in "
      "`cache_max`,\n"
      "and those not used for `cache_days_max` days. What a kept generation shows is never dropped. `dev` "
      "and\n"
      "`build` do so by themselves now and then; this command does it now, and packs more tightly. Where\n"
      "`graphite dev` runs for the project, it is asked; it begins when nothing is being built.\n\n"
      "Examples:\n"
      "  graphite gc                           down to the bounds of the project\n"
      "  graphite gc --cache-bytes 0           keep no result but those that are shown\n"
      "  graphite gc --cache-bytes \"2 GiB\" --dry-run");
  command.callback([kept, &chosen, run = handlers.gc] {
    auto& options = kept->options;
    options.directory = kept->project.directory;
    options.state = kept->project.state;
    options.json = kept->project.json;
    if (!kept->cache_bytes.empty()) options.request.cache_bytes = *parse_bytes(kept->cache_bytes);
    chosen = [kept, run] { return run(kept->options); };
  });
}

void print_gc(console& out, const gc_report& report, bool dry_run) {
  out.say("{} {} of {} results and {} of {} that only the cache keeps", dry_run ? "would drop" : "dropped",
          report.results_dropped, report.results, mb(report.cache_bytes_dropped), mb(report.cache_bytes));
  if (!dry_run)
    out.say("freed {} in {} segments, {} are left ({:.2f} s)", mb(report.freed_bytes),
            report.segments_removed, mb(report.segment_bytes), report.seconds);
  out.object(to_json(report, dry_run));
}

std::optional<int> gc_attached(const gc_options& options) {
  console out(options.json);
  auto folder = find_state_folder(options.directory, options.state);
  if (!folder) return std::nullopt;  // opening it says what is wrong with the project
  auto client = attach(*folder);
  if (!client && client.error().code == errc::unavailable) return std::nullopt;
  if (!client) return out.failed(client.error());
  out.remark(fmt::format("process {} serves this project and collects as soon as nothing is being built",
                         (*client)->service_pid()));
  const auto report = (*client)->gc(options.request);
  if (!report) return out.failed(report.error());
  print_gc(out, *report, options.request.dry_run);
  return exit_ok;
}

}  // namespace graphite
