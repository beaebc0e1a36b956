#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.hpp"
#include "cli/subscribe.hpp"

namespace graphite {

void add_subscribe(CLI::App& root, chosen_command& chosen, const command_handlers& handlers) {
  if (!handlers.subscribe) return;
  auto kept = std::make_shared<subscribe_options>();
  CLI::App& command = *root.add_subcommand("subscribe", "Follow a channel into a folder, swap by swap");
  command.add_option("--from", kept->from, "Where the generations are announced")
      ->envname("GRAPHITE_FROM")
      ->type_name("HOST:PORT")
      ->required();
  command.add_option("--channel", kept->channel, "Channel (default: the only one)")
      ->envname("GRAPHITE_CHANNEL")
      ->type_name("NAME");
  command
      .add_option("--into", kept->into,
                  "Folder to follow into; the files are in DIR/current, or DIR is a bundle")
      ->envname("GRAPHITE_INTO")
      ->type_name("DIR")
      ->required();
  command.add_option("--keys", kept->keys, "This runtime's keys, a folder that `graphite keys ticket` made")
      ->envname("GRAPHITE_KEYS")
      ->type_name("DIR");
  command
      .add_option("--root", kept->root,
                  "Roots to believe, a file root.pub: what they did not vouch for is refused")
      ->envname("GRAPHITE_ROOT_PINS")
      ->type_name("FILE");
  command.add_flag("--no-files", kept->no_files, "Keep segments for programs that map them, no files")
      ->envname("GRAPHITE_NO_FILES");
  command.add_option("--exec", kept->exec, "Shell command to run after a swap; swaps meanwhile are joined")
      ->envname("GRAPHITE_EXEC")
      ->type_name("CMD");
  add_json_option(command, kept->json);
  command.footer(
      "Runs until Ctrl-C. Every byte is verified before it is shown; a swap is seen whole or not at all.\n\n"
      "Examples:\n"
      "  graphite subscribe --from 127.0.0.1:7402 --into assets\n"
      "  graphite subscribe --from 127.0.0.1:7402 --into assets --exec 'kill -HUP $(cat game.pid)'\n"
      "  graphite subscribe --from 127.0.0.1:7402 --into assets --json | jq .changed\n"
      "  graphite subscribe --from 127.0.0.1:7402 --into bundle --no-files");
  command.callback(
      [kept, &chosen, run = handlers.subscribe] { chosen = [kept, run] { return run(*kept); }; });
}

}  // namespace graphite
