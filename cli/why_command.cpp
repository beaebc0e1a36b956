#include <memory>

#include "cli/attach.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"

namespace graphite {

namespace {

void print_list(console& out, std::string_view title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  out.say("{}:", title);
  for (const auto& line : lines) out.say("  {}", printable(line));
}

void print_why(console& out, const why_answer& why) {
  out.say("{}: {}", out.styled(printable(why.path), text_style::strong), why.state);
  out.say("rule: {}", why.rule.empty() ? "none, copied as it is" : printable(why.rule));
  print_list(out, "changed since the run before", why.changed);
  print_list(out, "because of", why.chain);
  if (!why.key_components.empty()) out.say("key {}", why.weak_key);
  for (const auto& [name, value] : why.key_components)
    out.say("  {:<24} {}", printable(name), printable(value));
  if (!why.strong_key.empty()) out.say("result {}", why.strong_key);
  if (!why.message.empty())
    out.say("{}\n{}", out.styled("last failure:", text_style::bad), printable(why.message, true));
}

int run_why(const project_options& options, const std::string& path) {
  console out(options.json);
  auto client = attach(options);
  if (!client) return out.failed(client.error());
  const auto why = (*client)->why(path);
  if (!why) return out.failed(why.error());
  if (!options.json) print_why(out, *why);
  out.object(to_json(*why));
  return exit_ok;
}

}  // namespace

void add_why(CLI::App& root, chosen_command& chosen) {
  struct state {
    project_options project;
    std::string path;
  };
  auto kept = std::make_shared<state>();
  CLI::App& command =
      *root.add_subcommand("why", "Tell why an asset was rebuilt, or why it is not what it should be");
  command.add_option("ASSET", kept->path, "Logical path of an asset or source")->required();
  add_project_options(command, kept->project);
  command.footer(
      "Shows the action's key, what differed from the run before, and the way from the source that "
      "changed.\n\n"
      "Examples:\n"
      "  graphite why images/hero.png\n"
      "  graphite why --json shaders/sky.spv");
  command.callback([kept, &chosen] { chosen = [kept] { return run_why(kept->project, kept->path); }; });
}

}  // namespace graphite
