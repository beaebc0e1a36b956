#include <CLI/CLI.hpp>

#include <memory>

#include "cli/attach.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"

namespace graphite {

namespace {

struct graph_options {
  project_options project;
  graph_query query;
};

std::string_view name_of(graph_query::kind kind) {
  switch (kind) {
    case graph_query::kind::path:
      return "path";
    case graph_query::kind::rdeps:
      return "rdeps";
    case graph_query::kind::deps:
      return "deps";
    case graph_query::kind::cycles:
      return "cycles";
  }
  return "";
}

std::string nothing_text(const graph_query& query) {
  switch (query.what) {
    case graph_query::kind::path:
      return query.from + " does not need " + query.to;
    case graph_query::kind::rdeps:
      return "nothing depends on " + query.from;
    case graph_query::kind::deps:
      return query.from + " depends on nothing";
    case graph_query::kind::cycles:
      return "no cycles";
  }
  return "";
}

int run_graph(const graph_options& options) {
  console out(options.project.json);
  auto client = attach(options.project);
  if (!client) return out.failed(client.error());
  const auto found = (*client)->graph(options.query);
  if (!found) return out.failed(found.error());
  if (!options.project.json)
    for (const auto& line : found->lines) out.say("{}", printable(line));
  if (found->lines.empty()) out.remark(nothing_text(options.query));
  if (found->left_out != 0)
    out.remark(fmt::format("and {} more, which did not fit into an answer", found->left_out));
  out.object({{"event", "graph"},
              {"query", name_of(options.query.what)},
              {"from", options.query.from},
              {"to", options.query.to},
              {"lines", found->lines},
              {"left_out", found->left_out}});
  return exit_ok;
}

CLI::App& add_query(CLI::App& graph, chosen_command& chosen, graph_query::kind kind, const char* what) {
  auto kept = std::make_shared<graph_options>();
  kept->query.what = kind;
  CLI::App& command = *graph.add_subcommand(std::string(name_of(kind)), what);
  if (kind != graph_query::kind::cycles)
    command
        .add_option(kind == graph_query::kind::path ? "FROM" : "PATH", kept->query.from,
                    "Logical path of a source or asset")
        ->required();
  if (kind == graph_query::kind::path)
    command.add_option("TO", kept->query.to, "Logical path of a source or asset")->required();
  add_asking_options(command, kept->project);
  command.callback([kept, &chosen] { chosen = [kept] { return run_graph(*kept); }; });
  return command;
}

}  // namespace

void add_graph(CLI::App& root, chosen_command& chosen) {
  CLI::App& graph = *root.add_subcommand("graph", "Ask the dependency graph of the running service");
  add_query(graph, chosen, graph_query::kind::path, "Show a shortest chain by which FROM needs TO")
      .footer("Example:\n  graphite graph path levels/1.bin textures/rock.png");
  add_query(graph, chosen, graph_query::kind::rdeps, "List all that depends on PATH")
      .footer("Example:\n  graphite graph rdeps shaders/common.glsl");
  add_query(graph, chosen, graph_query::kind::deps, "List all that PATH depends on")
      .footer("Example:\n  graphite graph deps levels/1.bin");
  add_query(graph, chosen, graph_query::kind::cycles, "List every cycle of build dependencies")
      .footer("Example:\n  graphite graph cycles");
  graph.require_subcommand(0, 1);
  graph.footer("Example:\n  graphite graph rdeps shaders/common.glsl");
}

}  // namespace graphite
