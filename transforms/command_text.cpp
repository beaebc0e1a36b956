#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/did_you_mean.hpp"
#include "core/path_template.hpp"
#include "transforms/command.hpp"

namespace graphite {

namespace {

/// No file name may be taken for an option.
std::string as_argument(std::string path) {
  if (path.empty()) return ".";
  return path.front() == '-' ? "./" + path : path;
}

/// `out2`: 2; `out`: 1; 0 where the word is no output.
std::size_t output_number(std::string_view word) {
  if (!word.starts_with("out")) return 0;
  word.remove_prefix(3);
  if (word.empty()) return 1;
  std::size_t number = 0;
  const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), number);
  return failed == std::errc{} && end == word.data() + word.size() ? number : 0;
}

result<std::string> output_value(std::size_t number, const command_names& names) {
  if (number > names.outputs.size())
    return fail(errc::invalid_argument, fmt::format("{{out{}}} is asked for, but the rule has {} outputs",
                                                    number, names.outputs.size()));
  const auto& output = names.outputs[number - 1];
  return as_argument(output.wildcard ? output.folder() : output.text);
}

result<std::string> tool_value(std::string_view tool, const command_names& names) {
  const auto found = names.tools.find(std::string(tool));
  if (found != names.tools.end()) return found->second;
  std::vector<std::string_view> known;
  for (const auto& [name, program] : names.tools) known.push_back(name);
  return fail(errc::invalid_argument, fmt::format("unknown tool '{}' {}", tool, did_you_mean(tool, known)));
}

tl::unexpected<error> unknown_word(std::string_view word) {
  static const std::vector<std::string_view> known{"in",   "out", "dir",     "name",
                                                   "stem", "ext", "depfile", "tool:NAME"};
  return fail(errc::invalid_argument,
              fmt::format("unknown placeholder {{{}}} {}", word, did_you_mean(word, known)));
}

result<std::string> value_of(const placeholder& found, const command_names& names) {
  if (found.word == "tool") return tool_value(found.argument, names);
  if (!found.argument.empty()) return unknown_word(found.word);
  if (const auto number = output_number(found.word); number != 0) return output_value(number, names);
  if (found.word == "depfile") {
    if (names.depfile.empty())
      return fail(errc::invalid_argument, "{depfile} is used, but the rule names no depfile");
    return as_argument(std::string(names.depfile));
  }
  const auto of_source = source_placeholder(found.word, names.input);
  if (!of_source) return unknown_word(found.word);
  const bool is_path = found.word == "in" || found.word == "dir" || found.word == "name";
  return is_path ? as_argument(std::string(*of_source)) : std::string(*of_source);
}

/// Fills in every placeholder; `put` may say how a value is to look at its place.
template <class Put>
result<std::string> fill(std::string_view text, const command_names& names, Put put) {
  std::string out;
  std::size_t done = 0;
  const auto literal = [&](std::size_t end) {  // `{{` stands for `{`
    for (; done < end; ++done) {
      out += text[done];
      if (text[done] == '{' && done + 1 < end && text[done + 1] == '{') ++done;
    }
  };
  for (const auto& found : placeholders_of(text)) {
    literal(found.offset);
    GRAPHITE_TRY(auto value, value_of(found, names));
    out += put(found, out, std::move(value));
    done = found.offset + found.length;
  }
  literal(text.size());
  return out;
}

/// Nothing of these means anything to a shell, in or out of quotes.
bool is_harmless(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80 ||
           std::string_view("_./-+@%:=,").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

/// The quotes that are open at the end of `script`, as far as a shell's outermost level goes. A wrong
/// answer can break a command but not make one: see expand_script().
char open_quote(std::string_view script) {
  char quote = 0;
  for (std::size_t i = 0; i < script.size(); ++i) {
    const char c = script[i];
    if (c == '\\' && quote != '\'')
      ++i;
    else if (quote == 0 && (c == '\'' || c == '"'))
      quote = c;
    else if (c == quote)
      quote = 0;
  }
  return quote;
}

std::string variable_name(const placeholder& found) {
  std::string out = fmt::format("GRAPHITE_{}", found.word);
  if (!found.argument.empty()) out += '_';
  for (const char c : found.argument) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += plain ? std::string(1, c) : fmt::format("_{:02x}", static_cast<unsigned char>(c));
  }
  for (auto& c : out)
    if (c >= 'a' && c <= 'z' && found.argument.empty()) c = static_cast<char>(c - 'a' + 'A');
  return out;
}

std::string reference_in(char quote, const std::string& variable) {
  auto reference = "${" + variable + "}";
  if (quote == '"') return reference;
  return quote == '\'' ? "'\"" + reference + "\"'" : '"' + reference + '"';
}

}  // namespace

result<std::string> expand_argument(std::string_view text, const command_names& names) {
  return fill(text, names, [](const placeholder&, const std::string&, std::string value) { return value; });
}

result<shell_script> expand_script(std::string_view text, const command_names& names) {
  std::map<std::string, std::string> environment;
  auto script =
      fill(text, names, [&](const placeholder& found, const std::string& before, std::string value) {
        if (is_harmless(value)) return value;
        const auto variable = variable_name(found);
        environment[variable] = std::move(value);
        return reference_in(open_quote(before), variable);
      });
  if (!script) return tl::unexpected(std::move(script).error());
  return shell_script{std::move(*script), std::move(environment)};
}

result<command_line> command_line_of(const command_spec& command, const command_names& names) {
  if (command.argv.empty()) return fail(errc::invalid_argument, "the command is empty");
  command_line out;
  std::size_t first = 0;
  if (command.shell) {
    GRAPHITE_TRY(auto script, expand_script(command.argv.front(), names));
    out.argv = {"/bin/sh", "-c", std::move(script.text)};
    if (command.argv.size() > 1) out.argv.push_back("sh");  // $0
    out.environment = std::move(script.environment);
    first = 1;
  }
  for (auto i = first; i < command.argv.size(); ++i) {
    GRAPHITE_TRY(auto argument, expand_argument(command.argv[i], names));
    out.argv.push_back(std::move(argument));
  }
  for (const auto& text : command.worker) {
    GRAPHITE_TRY(auto word, expand_argument(text, names));
    out.worker.push_back(std::move(word));
  }
  if (!command.program_tool.empty()) {
    auto& program = out.worker.empty() ? out.argv.front() : out.worker.front();
    GRAPHITE_TRY(program, tool_value(command.program_tool, names));
  }
  return out;
}

}  // namespace graphite
