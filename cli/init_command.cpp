#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.hpp"
#include "cli/config/init.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"

namespace graphite {

namespace {

int run_init(const init_options& options, bool json) {
  console out(json);
  const auto made = init_project(options);
  if (!made) return out.failed(made.error());
  out.say("wrote {}", printable(made->file));
  for (const auto& note : made->notes) out.say("  {}", printable(note));
  out.say("next: graphite build");
  out.object({{"event", "init"}, {"file", made->file}, {"notes", made->notes}});
  return exit_ok;
}

}  // namespace

void add_init(CLI::App& root, chosen_command& chosen) {
  struct state {
    init_options init;
    bool json = false;
  };
  auto kept = std::make_shared<state>();
  CLI::App& command =
      *root.add_subcommand("init", "Write a commented graphite.toml that fits what a folder holds");
  command.add_option("DIR", kept->init.folder, "Folder with the sources")->capture_default_str();
  add_json_option(command, kept->json);
  command.footer(
      "Looks at names and the beginnings of some files, changes nothing but graphite.toml, and never\n"
      "overwrites one.\n\n"
      "Examples:\n"
      "  graphite init\n"
      "  graphite init ~/game/assets");
  command.callback([kept, &chosen] { chosen = [kept] { return run_init(kept->init, kept->json); }; });
}

}  // namespace graphite
