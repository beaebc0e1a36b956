#include <CLI/CLI.hpp>

#include <memory>

#include "cli/attach.hpp"
#include "cli/cluster_text.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"
#include "gateway/cluster_client.hpp"

namespace graphite {

namespace {

struct order_options {
  project_options project;
  node_order what;
  double within_seconds = 600;
};

int run_order(const order_options& options) {
  console out(options.project.json);
  auto client = attach(options.project);
  if (!client) return out.failed(client.error());
  auto cluster = cluster_client::open(**client);
  if (!cluster) return out.failed(cluster.error());
  auto what = options.what;
  what.within_ms = static_cast<std::uint64_t>(options.within_seconds * 1000);
  const auto now = (*cluster)->order(what);
  if (!now) return out.failed(now.error());
  out.say("{}", node_text(*now));
  if (what.how == node_service::draining)
    out.say("  what waits there goes elsewhere now, what runs after {:g} s; `graphite status` shows it",
            options.within_seconds);
  out.object(to_json(*now));
  return exit_ok;
}

CLI::App& add_order(CLI::App& root, chosen_command& chosen, const char* name, const char* help,
                    node_service how, const char* footer) {
  auto kept = std::make_shared<order_options>();
  kept->what.how = how;
  CLI::App& command = *root.add_subcommand(name, help);
  add_asking_options(command, kept->project);
  command.add_option("node", kept->what.node, "its name, as `graphite status` shows it")->required();
  if (how == node_service::draining)
    command
        .add_option("--within", kept->within_seconds,
                    "seconds; what still runs there then goes elsewhere, too")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str()
        ->envname("GRAPHITE_WITHIN");
  command.footer(footer);
  command.callback([kept, &chosen] { chosen = [kept] { return run_order(*kept); }; });
  return command;
}

}  // namespace

void add_cluster_orders(CLI::App& root, chosen_command& chosen) {
  add_order(root, chosen, "cordon", "Give a node of the cluster nothing more to do", node_service::cordoned,
            "What is there ends there. Holds over restarts of the node and of the coordinator, until\n"
            "`graphite uncordon NODE`.\n\n"
            "Example:\n"
            "  graphite cordon node-3");
  add_order(
      root, chosen, "drain", "Empty a node of the cluster, to take it away", node_service::draining,
      "Nothing more is given to it, what only waits there goes elsewhere at once, and what still runs\n"
      "after `--within` does, too. The contents of a store stay there: other stores get them once it is\n"
      "gone. Holds until `graphite uncordon NODE`.\n\n"
      "Example:\n"
      "  graphite drain node-3 --within 60");
  add_order(root, chosen, "uncordon", "Give a node of the cluster work again", node_service::in,
            "Ends what `graphite cordon` or `graphite drain` began.\n\n"
            "Example:\n"
            "  graphite uncordon node-3");
}

}  // namespace graphite
