#include <fmt/format.h>

#include <algorithm>

#include "cli/config/rule_reader.hpp"
#include "core/did_you_mean.hpp"
#include "core/path_template.hpp"
#include "core/path_text.hpp"

namespace graphite {

namespace {

text_place place_in_text(const source_location& where) { return {where.line, where.column, 1}; }

std::vector<std::string> texts_of(const std::vector<glob>& globs) {
  std::vector<std::string> out;
  for (const auto& one : globs) out.push_back(one.text());
  return out;
}

/// Every pattern of `rule` already stands in `earlier`, which leaves nothing out that `rule` would take.
bool hidden_by(const rule_spec& rule, const rule_spec& earlier) {
  if (!earlier.exclude.empty() || rule.match.empty()) return false;
  const auto above = texts_of(earlier.match);
  const auto has = [&](const std::string& text) {
    return std::find(above.begin(), above.end(), text) != above.end();
  };
  const auto own = texts_of(rule.match);
  return has("**") || std::all_of(own.begin(), own.end(), has);
}

/// True where the rule can take one source at most: one pattern, a whole path without wildcards.
bool takes_one_source(const rule_spec& rule) {
  if (rule.match.size() != 1) return false;
  const auto& text = rule.match.front().text();
  return text.find('/') != std::string::npos && text.find_first_of("*?[{") == std::string::npos;
}

/// A template that gives the same path whatever the source.
bool is_constant(const std::string& output) {
  return output.find('*') == std::string::npos && placeholders_of(output).empty();
}

void check_pair(const rule_spec& rule, const rule_spec& earlier, mistake_list& mistakes) {
  const auto where = place_in_text(rule.where);
  if (rule.name == earlier.name)
    mistakes.add(where, fmt::format("two rules are named '{}'", rule.name),
                 fmt::format("the first is in line {}", earlier.where.line));
  if (hidden_by(rule, earlier))
    mistakes.add(where,
                 fmt::format("rule '{}' never takes a source: '{}' in line {} takes them first", rule.name,
                             earlier.name, earlier.where.line),
                 "the first rule that matches takes a source: put the narrower one first");
  for (const auto& output : rule.outputs)
    if (is_constant(output) &&
        std::find(earlier.outputs.begin(), earlier.outputs.end(), output) != earlier.outputs.end())
      mistakes.add(where,
                   fmt::format("rules '{}' and '{}' both write '{}'", earlier.name, rule.name, output));
}

void check_constant_outputs(const rule_spec& rule, mistake_list& mistakes) {
  if (takes_one_source(rule)) return;
  for (const auto& output : rule.outputs)
    if (is_constant(output))
      mistakes.add(
          place_in_text(rule.where),
          fmt::format("output '{}' of rule '{}' is the same for every source it takes", output, rule.name),
          "put {dir} and {stem} in, or match one file by its whole path");
}

void check_tools(const project& value, const rule_spec& rule, mistake_list& mistakes) {
  std::vector<std::string_view> known;
  for (const auto& [name, tool] : value.tools) known.emplace_back(name);
  for (const auto& name : rule.command.tools) {
    if (value.tools.contains(name)) continue;
    const auto near = nearest_word(name, known);
    mistakes.add(place_in_text(rule.where),
                 fmt::format("rule '{}' uses the unknown tool '{}'", rule.name, name),
                 near.empty() ? fmt::format("declare it: [tools.{}] with paths or version", name)
                              : did_you_mean(name, known));
  }
}

/// Whether the program of `tool` is what `program` names.
bool is_program_of(const tool_spec& tool, const std::string& program) {
  if (!tool.paths.empty()) return tool.paths.front() == program;
  return !tool.version_argv.empty() && tool.version_argv.front() == program;
}

/// The program a command begins with decides its result as much as a declared tool does.
void declare_program(project& value, rule_spec& rule) {
  auto& command = rule.command;
  const auto& started = command.worker.empty() ? command.argv : command.worker;
  if (started.empty()) return;
  const std::string program = command.shell ? "/bin/sh" : started.front();
  const bool in_view = program.find('/') != std::string::npos && program.front() != '/';
  if (in_view || !placeholders_of(program).empty()) return;
  std::string name(file_name_of(program));
  // Another program may have this name already: in another folder, or declared with other files.
  if (const auto taken = value.tools.find(name); taken != value.tools.end())
    if (!is_program_of(taken->second, program)) name = "program " + program;
  tool_spec tool;
  tool.name = name;
  tool.paths = {program};
  tool.where = rule.where;
  value.tools.emplace(name, std::move(tool));
  command.program_tool = name;
  if (std::find(command.tools.begin(), command.tools.end(), name) == command.tools.end())
    command.tools.push_back(name);
}

}  // namespace

void check_rules(project& value, mistake_list& mistakes) {
  auto& rules = value.rules;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) check_pair(rules[i], rules[j], mistakes);
    check_constant_outputs(rules[i], mistakes);
    check_tools(value, rules[i], mistakes);
    if (rules[i].settle > value.watch.max_delay)
      mistakes.add(place_in_text(rules[i].where),
                   fmt::format("'settle' of rule '{}' is over [watch] max_delay", rules[i].name),
                   "no revision waits longer than max_delay");
  }
  for (auto& rule : rules)
    if (rule.transform == "command") declare_program(value, rule);
}

}  // namespace graphite
