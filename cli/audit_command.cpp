#include <CLI/CLI.hpp>

#include <memory>

#include "cli/attach.hpp"
#include "cli/console.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"
#include "platform/audit/audit_file.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite {

namespace {

struct audit_options {
  project_options project;
  std::string what;
};

int run_audit(const audit_options& options) {
  console out(options.project.json);
  const auto state = find_state_folder(options.project.directory, options.project.state);
  if (!state) return out.failed(state.error());
  const openssl_hasher hash;
  const auto lines = read_audit(audit_folder(*state), hash);
  if (!lines && lines.error().code == errc::not_found)
    return out.failed({errc::not_found, "nothing is recorded there: `graphite dev` records what it does"});
  if (!lines) return out.failed(lines.error());
  for (const auto& [time, entry] : *lines) {
    if (!options.what.empty() && options.what != entry.what) continue;
    out.say("{}  {:<28} {:<10} {}", time, printable(entry.who), printable(entry.what),
            printable(entry.about));
    out.object({{"event", "audit"},
                {"time", time},
                {"who", entry.who},
                {"what", entry.what},
                {"about", entry.about}});
  }
  return exit_ok;
}

}  // namespace

void add_audit(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<audit_options>();
  CLI::App& command = *root.add_subcommand("audit", "Show who did what, and that the record is whole");
  command.add_option("--what", kept->what, "Only this, for example publish or rollback")
      ->envname("GRAPHITE_AUDIT_WHAT");
  add_project_options(command, kept->project);
  command.footer(
      "`graphite dev` keeps it in the folder `audit` of the state folder. Each line has the digest of all\n"
      "before it: where one was changed or taken out this ends with exit code 5 and names it.\n\n"
      "Examples:\n"
      "  graphite audit\n"
      "  graphite audit --what rollback --json");
  command.callback([kept, &chosen] { chosen = [kept] { return run_audit(*kept); }; });
}

}  // namespace graphite
