#include "cli/job_setups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/config/project_file.hpp"
#include "cli/scanner_set.hpp"
#include "cli/worker_libraries.hpp"
#include "coordinator/cluster/tool_choice.hpp"
#include "transforms/registry.hpp"

namespace graphite {

namespace {

/// Where a snapshot lies, for a reader of project files, which wants absolute paths.
constexpr std::string_view snapshot_folder = "/snapshot";

/// Mistakes name the file as whoever submitted it knows it.
std::string without_folder(std::string text) {
  const auto prefix = std::string(snapshot_folder) + "/";
  for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at))
    text.erase(at, prefix.size());
  return text;
}

/// Where `root` lies in the snapshot, with its last `/`. Errors: unsupported.
result<std::string> prefix_of(const std::string& root) {
  if (root == snapshot_folder) return std::string();
  const auto prefix = std::string(snapshot_folder) + "/";
  if (root.starts_with(prefix)) return root.substr(prefix.size()) + "/";
  return fail(errc::unsupported,
              "the sources lie outside of the snapshot: `root` must be below the project file");
}

/// The tools that actions of `config` need, as nodes offer them.
std::set<std::string> tools_of(const project& config) {
  std::set<std::string> out;
  for (const auto& rule : config.rules) {
    if (rule.built_in) out.insert(transform_tool_name(rule.built_in->name));
    out.insert(rule.command.tools.begin(), rule.command.tools.end());
  }
  return out;
}

/// No word of it is a placeholder.
std::string literal(std::string_view text) {
  std::string out;
  for (const char one : text) out += one == '{' ? "{{" : std::string(1, one);
  return out;
}

/// What runs it in another folder of the scratch folder than its top.
std::vector<std::string> words_of(const command_action& action) {
  std::vector<std::string> out;
  if (!action.working_folder.empty())
    out = {"/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", literal(action.working_folder)};
  for (const auto& word : action.argv) out.push_back(literal(word));
  return out;
}

result<void> use_command(const action_job& what, const command_action& action, rule_spec& rule) {
  rule.transform = "command";
  rule.command.argv = words_of(action);
  rule.command.inputs = {"**"};
  rule.command.set_environment = action.environment;
  rule.command.timeout = what.timeout;
  rule.command.memory_bytes_max = what.memory_bytes_max;
  return {};
}

result<void> use_transform(const action_job& what, const transform_action& action, rule_spec& rule) {
  const auto* known = find_built_in(action.name);
  if (known == nullptr)
    return fail(errc::invalid_argument,
                fmt::format("there is no transform '{}': see `graphite transforms`", action.name));
  if (known->version != action.version)
    return fail(errc::invalid_argument,
                fmt::format("transform '{}' has version {} here, and {} was asked for", action.name,
                            known->version, action.version));
  built_in_spec spec;
  spec.name = action.name;
  spec.version = action.version;
  GRAPHITE_TRY(spec.options, option_values::make(known->options, action.options.all()));
  spec.inputs = {"**"};
  spec.cost_ns_per_byte = known->cost_ns_per_byte;
  spec.timeout = what.timeout;
  spec.memory_bytes_max = what.memory_bytes_max;
  spec.output_bytes_max = known->output_bytes_max;
  rule.transform = action.name;
  rule.built_in = std::move(spec);
  return {};
}

/// The file that stands for the action: a transform's main input, of a command any.
result<logical_path> main_input_of(const action_job& what, const std::vector<logical_path>& inputs) {
  if (inputs.empty())
    return fail(errc::unsupported, "an action without any input file: put one into its input root");
  const auto* transform = std::get_if<transform_action>(&what.what);
  if (transform == nullptr) return inputs.front();
  GRAPHITE_TRY(const auto wanted, logical_path::parse(transform->main_input));
  if (std::ranges::binary_search(inputs, wanted)) return wanted;
  return fail(errc::invalid_argument,
              fmt::format("its main input {} is not in its input root", wanted.str()));
}

}  // namespace

job_setups::job_setups(std::shared_ptr<const hasher> hash) : hash_(std::move(hash)) {
  setups_.of_project = [this](std::string_view text, const std::string& file) {
    return of_project(text, file);
  };
  setups_.of_action = [this](const action_job& what, const std::vector<logical_path>& inputs) {
    return of_action(what, inputs);
  };
  setups_.state = [this] {
    const std::lock_guard lock(mutex_);
    return state_;
  };
}

void job_setups::set_nodes(const std::vector<std::shared_ptr<const control::join>>& nodes) {
  auto tools = choose_tools(nodes);
  const std::lock_guard lock(mutex_);
  some_nodes_ = !nodes.empty();
  if (nodes.empty() || tools == tools_) return;  // who comes back has what it had
  tools_ = std::move(tools);
  ++state_;
}

result<view_setup> job_setups::finish(project config, std::string prefix) const {
  view_setup out;
  out.prefix = std::move(prefix);
  const auto wanted = tools_of(config);
  {
    const std::lock_guard lock(mutex_);
    if (!wanted.empty() && !some_nodes_)
      return fail(errc::unavailable, "no node is here that could say what its tools are");
    for (const auto& name : wanted) {
      const auto found = tools_.find(name);
      if (found == tools_.end())
        return fail(
            errc::busy,
            fmt::format("no node has the tool '{}': start one that has it (`graphite node --tools`)", name));
      out.tools.emplace(*found);
    }
  }
  out.engine.tool_digests = out.tools;
  for (const auto& rule : config.rules)
    if (rule.built_in)
      out.engine.built_with[rule.built_in->name] = {
          {"libraries", to_hex(out.tools.at(transform_tool_name(rule.built_in->name)))}};
  GRAPHITE_TRY(auto scanners, scanner_set::make(config));
  out.scan = [all = std::make_shared<const scanner_set>(std::move(scanners))](
                 const rule_spec& rule, const logical_path& path) { return all->for_source(rule, path); };
  out.engine.config = std::make_shared<const project>(std::move(config));
  return out;
}

result<view_setup> job_setups::of_project(std::string_view text, const std::string& file) const {
  parse_options how;
  how.file = std::string(snapshot_folder) + "/" + file;
  how.working_folder = snapshot_folder;
  auto parsed = parse_project(text, how);
  if (!parsed.value) return fail(errc::invalid_argument, without_folder(render(parsed.mistakes)));
  GRAPHITE_TRY(auto prefix, prefix_of(parsed.value->root));
  return finish(std::move(*parsed.value), std::move(prefix));
}

/// A project of one rule, which takes one file and may read all.
result<view_setup> job_setups::of_action(const action_job& what,
                                         const std::vector<logical_path>& inputs) const {
  GRAPHITE_TRY(const auto main, main_input_of(what, inputs));
  project config;
  config.name = "action";
  config.root = snapshot_folder;
  config.state = std::string(snapshot_folder) + "/.graphite";
  config.gitignore = false;
  rule_spec rule;
  rule.name = "action";
  GRAPHITE_TRY(auto match, glob::parse(glob::quoted(main.str())));
  rule.match.push_back(std::move(match));
  for (const auto& path : what.outputs) {
    if (path.find('*') != std::string::npos)
      return fail(errc::unsupported, fmt::format("an output with a '*' in its name: {}", path));
    rule.outputs.push_back(literal(path));
  }
  const auto used = std::visit(
      [&](const auto& action) {
        if constexpr (std::is_same_v<std::decay_t<decltype(action)>, command_action>)
          return use_command(what, action, rule);
        else
          return use_transform(what, action, rule);
      },
      what.what);
  GRAPHITE_CHECK(used);
  config.rules.push_back(std::move(rule));
  GRAPHITE_TRY(auto out, finish(std::move(config), ""));
  for (const auto& [name, value] : what.platform) out.platform.push_back({name, value});
  out.cached = what.use_cache;
  out.every_file = true;
  return out;
}

}  // namespace graphite
