#include "cli/transform_docs.hpp"

#include <fmt/format.h>

namespace graphite {

namespace {

std::string quoted_list(const std::vector<std::string_view>& texts) {
  if (texts.size() == 1) return fmt::format("\"{}\"", texts.front());
  std::string out;
  for (const auto text : texts) out += fmt::format("{}\"{}\"", out.empty() ? "" : ", ", text);
  return "[" + out + "]";
}

/// A rule to begin with.
std::string sample_rule(const transform_description& what) {
  return fmt::format("[[rule]]\nmatch = {}\ntransform = \"{}\"\n", quoted_list(what.matches), what.name);
}

std::string limits_text(const transform_description& what) {
  return fmt::format(
      "{:g} s of processor time, {} MiB of memory beside inputs and outputs, {} MiB of outputs",
      std::chrono::duration<double>(what.timeout).count(), what.memory_bytes_max / MiB,
      what.output_bytes_max / MiB);
}

/// What would end a table's cell is written so that it does not.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string section_of(const transform_description& what) {
  std::string out =
      fmt::format("\n## {}\n\n{}{}. Version {}.\n\n", what.name,
                  static_cast<char>(what.help.front() - ('a' - 'A')), what.help.substr(1), what.version);
  if (!what.details.empty()) out += fmt::format("{}\n\n", what.details);
  for (const auto& one : what.pictures) out += fmt::format("![{0}]({1})\n\n*{0}*\n\n", one.caption, one.file);
  out += fmt::format("```toml\n{}```\n\n", sample_rule(what));
  out += fmt::format("Makes `{}`", fmt::join(what.outputs, "`, `"));
  if (!what.inputs.empty()) out += fmt::format("; may ask for `{}`", fmt::join(what.inputs, "`, `"));
  out += fmt::format("; with `{}`{}", fmt::join(what.libraries, "`, `"),
                     what.processor_matters ? " and the kind of processor" : "");
  out += fmt::format(
      ". Limits: {}.\n\n| option | value | unless said otherwise | meaning |\n|---|---|---|---|\n",
      limits_text(what));
  for (const auto& option : what.options)
    out += fmt::format("| `{}` | {} | `{}` | {} |\n", option.name, cell(kind_of_option(option)),
                       cell(option_text(option.standard)), cell(option.help));
  return out;
}

}  // namespace

std::string text_of(const transform_description& what) {
  std::string out =
      fmt::format("{} (version {}): {}\n\noptions, in [rule.options]:\n", what.name, what.version, what.help);
  for (const auto& option : what.options)
    out += fmt::format("  {} = {}\n      {}; {}\n", option.name, option_text(option.standard), option.help,
                       kind_of_option(option));
  if (what.options.empty()) out += "  none\n";
  out +=
      fmt::format("\nlimits, in [rule.limits] timeout, memory_max, output_max:\n  {}\n", limits_text(what));
  out +=
      fmt::format("\nmakes {}\n\na rule to begin with:\n\n{}", quoted_list(what.outputs), sample_rule(what));
  return out;
}

std::string markdown_of(const std::vector<const transform_description*>& all) {
  std::string out =
      "# Built-in transforms\n\n"
      "Written by `graphite transforms --markdown` from what the transforms declare: change it there.\n\n"
      "A rule names a transform and its options; an option that is left out has the value in the third "
      "column. Options,\n"
      "the version and the builds of the libraries named with each transform are part of an action's key: "
      "after an update of a\n"
      "library, what it makes is made anew. Each transform runs in a worker process that has no files, no "
      "network and bounded\n"
      "memory and time (`docs/decisions/0011-transforms-run-in-workers.md`); the bounds are in "
      "`[rule.limits]`. Textures,\n"
      "sounds and meshes are made by several threads: one that is made alone has as many as there are `jobs` "
      "(and processors,\n"
      "and 16 at most), one of n at once begins with an n-th of them. That changes no byte.\n\n"
      "```toml\n[[rule]]\nmatch = \"*.png\"\ntransform = \"texture\"\n[rule.options]\nformat = "
      "\"bc3\"\n[rule.limits]\n"
      "timeout = \"2 min\"\nmemory_max = \"2 GiB\"\n```\n\n| transform | what it does | takes | makes "
      "|\n|---|---|---|---|\n";
  for (const auto* one : all)
    out += fmt::format("| [`{0}`](#{0}) | {1} | `{2}` | `{3}` |\n", one->name, one->help,
                       fmt::join(one->matches, "`, `"), fmt::join(one->outputs, "`, `"));
  for (const auto* one : all) out += section_of(*one);
  return out;
}

}  // namespace graphite
