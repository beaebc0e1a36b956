#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.hpp"
#include "cli/config/quantity.hpp"
#include "cli/node.hpp"

namespace graphite {

static CLI::Option* add_bytes_option(CLI::App& command, const std::string& name, std::uint64_t& into,
                                     const std::string& about) {
  return command
      .add_option_function<std::string>(
          name, [&into](const std::string& text) { into = *parse_bytes(text); }, about)
      ->type_name("BYTES")
      ->check([](const std::string& text) {
        const auto bytes = parse_bytes(text);
        return bytes ? std::string() : bytes.error().context;
      });
}

void add_node(CLI::App& root, chosen_command& chosen, const command_handlers& handlers) {
  if (!handlers.node) return;
  auto kept = std::make_shared<node_options>();
  auto& options = *kept;
  CLI::App& command =
      *root.add_subcommand("node", "Run attempts for a coordinator, keep contents for its cluster");
  command.add_option("--coordinator", options.coordinator, "Its control port")
      ->envname("GRAPHITE_COORDINATOR")
      ->type_name("HOST[:PORT]")
      ->capture_default_str();
  command.add_option("--keys", options.keys, "This node's part of the keys: DIR/nodes/NAME")
      ->envname("GRAPHITE_KEYS")
      ->type_name("DIR")
      ->required();
  command.add_option("--state", options.state, "Folder for its cache, its store and scratch files")
      ->envname("GRAPHITE_STATE")
      ->type_name("DIR")
      ->capture_default_str();
  command.add_flag("--store", options.store, "Keep contents for the cluster")->envname("GRAPHITE_STORE");
  command.add_option("--listen-store", options.listen_store, "Where the store is asked; with --store")
      ->envname("GRAPHITE_LISTEN_STORE")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  command.add_option("--advertise-store", options.advertise_store, "Where others find it (default: there)")
      ->envname("GRAPHITE_ADVERTISE_STORE")
      ->type_name("HOST:PORT");
  add_bytes_option(command, "--store-bytes", options.store_bytes,
                   "Most that the store's files take; with --store (default: 3/4 of the file system)")
      ->envname("GRAPHITE_STORE_BYTES");
  command
      .add_option("--store-keep", options.store_keep_s,
                  "Seconds that a content stays in the store after its last use, whoever needs it")
      ->envname("GRAPHITE_STORE_KEEP")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 30 * 86'400))
      ->capture_default_str();
  add_bytes_option(command, "--cache-bytes", options.cache_bytes,
                   "Most that the contents of its cache take (default: 16 GiB)")
      ->envname("GRAPHITE_CACHE_BYTES");
  command
      .add_option("--domains", options.domains, "Split the machine into so many (default: its NUMA nodes)")
      ->envname("GRAPHITE_DOMAINS")
      ->type_name("N");
  command
      .add_option("--tools", options.tools, "A project file: its tools are offered as they are found here")
      ->envname("GRAPHITE_TOOLS")
      ->type_name("FILE");
  command.add_option("--resource", options.resources, "What each domain has beside processors, as gpu=1")
      ->envname("GRAPHITE_RESOURCES")
      ->type_name("NAME=COUNT");
  add_action_options(command, options.jobs, options.scratch, options.pin);
  add_sandbox_option(command, options.sandbox);
  add_json_option(command, options.json);
  add_log_level_option(command, options.log_level);
  command.add_flag("--log-json", options.log_json, "One JSON object a line of the log")
      ->envname("GRAPHITE_LOG_JSON");
  command.footer("It dials the coordinator and keeps dialling; what it runs goes on meanwhile.");
  command.callback([&chosen, kept, run = handlers.node] { chosen = [kept, run] { return run(*kept); }; });
}

}  // namespace graphite
