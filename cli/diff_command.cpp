#include <CLI/CLI.hpp>

#include <memory>

#include "cli/attach.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"

namespace graphite {

namespace {

struct diff_options {
  project_options project;
  std::string channel = "main";
  std::uint64_t from = 0, to = 0;
};

int run_diff(const diff_options& options) {
  console out(options.project.json);
  auto client = attach(options.project);
  if (!client) return out.failed(client.error());
  const auto diff = (*client)->diff(options.channel, options.from, options.to);
  if (!diff) return out.failed(diff.error());
  print_diff(out, *diff);
  json_object object = to_json(*diff);
  object["channel"] = options.channel;
  object["from"] = options.from;
  object["to"] = options.to;
  out.object(object);
  return exit_ok;
}

}  // namespace

void print_diff(console& out, const generation_diff& diff) {
  if (!out.json()) {
    for (const auto& path : diff.added) out.say("{} {}", out.styled("+", text_style::good), printable(path));
    for (const auto& path : diff.changed)
      out.say("{} {}", out.styled("~", text_style::warning), printable(path));
    for (const auto& path : diff.removed) out.say("{} {}", out.styled("-", text_style::bad), printable(path));
  }
  out.say("{} added, {} changed, {} removed", diff.added.size(), diff.changed.size(), diff.removed.size());
}

void add_diff(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<diff_options>();
  CLI::App& command = *root.add_subcommand("diff", "Compare two generations of a channel");
  command.add_option("FROM", kept->from, "Sequence number of a generation, as `status` shows it")->required();
  command.add_option("TO", kept->to, "Sequence number of another")->required();
  command.add_option("--channel", kept->channel, "Channel")
      ->envname("GRAPHITE_CHANNEL")
      ->type_name("NAME")
      ->capture_default_str();
  add_asking_options(command, kept->project);
  command.footer("Example:\n  graphite diff 41 42");
  command.callback([kept, &chosen] { chosen = [kept] { return run_diff(*kept); }; });
}

}  // namespace graphite
