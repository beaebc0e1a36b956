#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"
#include "cli/transform_docs.hpp"
#include "core/did_you_mean.hpp"
#include "transforms/registry.hpp"

namespace graphite {

namespace {

struct transforms_options {
  std::string name;
  bool json = false, markdown = false;
};

json_object option_object(const option_spec& option) {
  json_object out{{"name", option.name}, {"value", kind_of_option(option)}, {"help", option.help}};
  std::visit([&](const auto& standard) { out["default"] = standard; }, option.standard);
  if (option.least != option.most) out["least"] = option.least, out["most"] = option.most;
  if (!option.choices.empty()) out["choices"] = option.choices;
  if (!option.unit.empty()) out["unit"] = option.unit;
  return out;
}

json_object transform_object(const transform_description& what) {
  json_object options = json_object::array();
  for (const auto& option : what.options) options.push_back(option_object(option));
  return {{"event", "transform"},
          {"name", what.name},
          {"version", what.version},
          {"help", what.help},
          {"match", what.matches},
          {"outputs", what.outputs},
          {"inputs", what.inputs},
          {"timeout_ms", what.timeout.count()},
          {"memory_bytes_max", what.memory_bytes_max},
          {"output_bytes_max", what.output_bytes_max},
          {"options", std::move(options)}};
}

error unknown(const std::string& name) {
  std::vector<std::string_view> known;
  for (const auto* one : built_in_transforms()) known.push_back(one->name);
  return {errc::invalid_argument, fmt::format("no transform '{}': {}", name, did_you_mean(name, known))};
}

int run_transforms(const transforms_options& options) {
  console out(options.json);
  const auto& all = built_in_transforms();
  if (options.markdown) return out.line(markdown_of(all)), exit_ok;
  if (!options.name.empty()) {
    const auto* const what = find_built_in(options.name);
    if (what == nullptr) return out.failed(unknown(options.name));
    out.line(text_of(*what));
    out.object(transform_object(*what));
    return exit_ok;
  }
  for (const auto* one : all) {
    out.say("{:<10} {}", out.styled(one->name, text_style::strong), one->help);
    out.object(transform_object(*one));
  }
  out.say("{:<10} {}", "command", "any program: see [rule.command] in docs/project-file.md");
  out.say("{:<10} {}", "copy", "the source as it is: what no rule takes");
  out.say("more of one: graphite transforms NAME");
  return exit_ok;
}

}  // namespace

void add_transforms(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<transforms_options>();
  CLI::App& command =
      *root.add_subcommand("transforms", "Show what rules can make of sources, with all options");
  command.add_option("NAME", kept->name, "Only this one, with its options");
  command.add_flag("--markdown", kept->markdown, "The page docs/transforms.md")->envname("GRAPHITE_MARKDOWN");
  add_json_option(command, kept->json);
  command.footer("Examples:\n  graphite transforms\n  graphite transforms texture");
  command.callback([kept, &chosen] { chosen = [kept] { return run_transforms(*kept); }; });
}

}  // namespace graphite
