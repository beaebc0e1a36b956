#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/attempt.hpp"
#include "core/error.hpp"
#include "core/ports/process_transform.hpp"
#include "core/units.hpp"

namespace graphite {

/// \file The `command` transform: any program as a build step.

/// What a command's texts may name. Paths are relative to the scratch folder, its working folder.
struct command_names {
  const logical_path& input;
  const std::vector<output_name>& outputs;  ///< {out} the first, {out1} {out2} … each; a wildcard: its folder
  std::string_view depfile;                 ///< empty: {depfile} is an error
  const std::map<std::string, std::string>& tools;
};

/// One argument with its placeholders filled in: {in} {out} {outN} {dir} {name} {stem} {ext} {depfile}
/// {tool:NAME}; what is no placeholder is kept (core/path_template.hpp). {dir} is `.` at the root, and a
/// path that begins with `-` gets `./` before it, so that no file name is taken for an option.
/// Errors: invalid_argument: unknown word or tool, an output number beyond the last.
result<std::string> expand_argument(std::string_view text, const command_names& names);

/// A shell script with its placeholders filled in, and the environment it then needs. Values of harmless
/// characters are put in as they are; others stay out of the script, as variables `GRAPHITE_…`, because a
/// variable's value is never parsed as code: no file name can become a command.
struct shell_script {
  std::string text;
  std::map<std::string, std::string> environment;
};
result<shell_script> expand_script(std::string_view text, const command_names& names);

/// argv for the program: [/bin/sh, -c, script, further arguments …] for a shell command.
struct command_line {
  std::vector<std::string> argv;
  std::vector<std::string> worker;                 ///< of a process that is kept
  std::map<std::string, std::string> environment;  ///< to be added
};
result<command_line> command_line_of(const command_spec& command, const command_names& names);

/// A path a tool wrote, as a logical path: relative to the scratch folder, or absolute inside it or inside
/// the view. Nothing for any other (a system header is the tool digest's business). `./` and inner `..` are
/// resolved.
std::optional<logical_path> logical_from_tool(std::string_view path, const attempt_place& place);

/// The `command` transform behind the port that node/ knows. Pure, thread-safe.
class command_transform final : public process_transform {
 public:
  static constexpr std::size_t message_bytes_max = 16 * KiB;

  result<process_plan> plan(const attempt_spec& spec, const attempt_place& place) const override;
  result<depfile_reading> discovered(const attempt_spec& spec, const attempt_place& place,
                                     std::string_view depfile) const override;
  std::optional<logical_path> logical(const std::string& path, const attempt_place& place) const override;
  std::string failure(const attempt_spec& spec, const process_outcome& outcome) const override;
};

}  // namespace graphite
