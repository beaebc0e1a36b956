#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"
#include "cli/keys_record.hpp"
#include "core/hex.hpp"
#include "platform/keys/key_authority.hpp"
#include "platform/keys/key_file.hpp"
#include "platform/linux/clock.hpp"

namespace graphite {

namespace {

struct keygen_options {
  std::string folder;
  std::vector<std::string> channels = {"main"};
  std::int64_t days = 365;
  bool json = false;
};

int run_keygen(const keygen_options& options) {
  console out(options.json);
  leave_no_core_file();
  auto made =
      key_authority::begin(options.folder, {options.channels, system_clock_source().unix_ns(), options.days});
  if (!made) return out.failed(made.error());
  const auto root = hex_text(made->root().bytes);
  const auto rows = made->issued();
  const auto recorded = recorded_keys::adopt(std::move(*made), options.folder, out);
  if (!recorded) return out.failed(recorded.error());
  (*recorded)->did("keygen", "root " + root);
  (*recorded)->gave("keygen", rows);
  out.say("made {}: the keys of {} channel{}, three authorities, and a root", options.folder,
          options.channels.size(), options.channels.size() == 1 ? "" : "s");
  out.say("  {}/root        keep it offline: it makes all other keys", options.folder);
  out.say("  {}/publisher   for the process that serves: graphite dev --keys {}/publisher", options.folder,
          options.folder);
  out.say("root {}", root);
  out.say("next: graphite keys ticket {} NAME    makes the part of one runtime", options.folder);
  out.object(
      {{"event", "keygen"}, {"folder", options.folder}, {"root", root}, {"channels", options.channels}});
  return exit_ok;
}

}  // namespace

void add_keygen(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<keygen_options>();
  CLI::App& command = *root.add_subcommand("keygen", "Make the keys that a network of processes needs");
  command.add_option("DIR", kept->folder, "New folder for them")->required();
  command.add_option("--channel", kept->channels, "Channel to make a signing key for; may be repeated")
      ->envname("GRAPHITE_KEYGEN_CHANNEL");
  command.add_option("--days", kept->days, "How long keys and certificates count")
      ->envname("GRAPHITE_KEYGEN_DAYS")
      ->check(CLI::Range(1, 3650));
  add_json_option(command, kept->json);
  command.footer(
      "Makes an Ed25519 root, which signs everything else and is needed on no machine that listens; for "
      "each\n"
      "channel a key that signs its generations; three certificate authorities (control, clients,\n"
      "operators), each with a server's certificate; and the server's CURVE key. All files are 0600 in\n"
      "folders 0700, and refused when they are looser.\n\n"
      "Examples:\n"
      "  graphite keygen keys\n"
      "  graphite keygen keys --channel main --channel ui --days 90");
  command.callback([kept, &chosen] { chosen = [kept] { return run_keygen(*kept); }; });
}

}  // namespace graphite
