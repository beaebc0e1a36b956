#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/project.hpp"
#include "core/project_file_name.hpp"

namespace graphite {

inline constexpr std::uint64_t project_file_bytes_max = 4 * MiB;
inline constexpr std::size_t project_mistakes_max = 100;  ///< reported of one file

/// One mistake in a project file, for people.
struct project_mistake {
  source_location where;
  std::string what;         ///< what is wrong: "unknown key 'mach' in [[rule]]"
  std::string meant;        ///< what to do, or empty: "did you mean 'match'?"
  std::string source_line;  ///< the line of the file, without its end
  std::uint32_t width = 1;  ///< characters the marker covers
};

/// The mistake as compilers print it: `FILE:LINE:COLUMN: error: WHAT`, the line, a marker below the place,
/// and a note with what was meant.
std::string render(const project_mistake& mistake);
std::string render(const std::vector<project_mistake>& mistakes);

struct parsed_project {
  std::optional<project> value;           ///< absent where there is a mistake
  std::vector<project_mistake> mistakes;  ///< ascending by place, at most project_mistakes_max
};

struct parse_options {
  std::string file;   ///< absolute path of the file the text came from: names it in messages, anchors folders
  std::string state;  ///< state folder, over the file's own; relative to `working_folder`; empty: the file's
  std::string working_folder = "/";
  /// Whether the source root that the file names is there.
  std::function<bool(const std::string& folder)> is_folder = [](const auto&) { return true; };
};

/// Reads the text of a project file. Touches no disk. Every key is checked and all mistakes are collected.
/// The format: docs/project-file.md.
parsed_project parse_project(std::string_view text, const parse_options& options);

struct load_options {
  std::string from = ".";  ///< a project file, or a folder: graphite.toml is looked for in it and above
  std::string state;       ///< as in parse_options, relative to the working folder of the process
};

/// Absolute path of the project file for `from`. Errors: not_found, saying where was looked and to run
/// `graphite init`; io.
result<std::string> find_project_file(const std::string& from);

/// Finds, reads and checks a project. Errors: not_found; invalid_argument with all mistakes rendered;
/// too_large; io, permission_denied.
result<project> load_project(const load_options& options);

}  // namespace graphite
