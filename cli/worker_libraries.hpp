#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/cancel_token.hpp"
#include "core/error.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/process_runner.hpp"
#include "core/project.hpp"

namespace graphite {

/// What of a machine decides the bytes of a built-in transform beside its inputs and options: the libraries
/// that it uses, by name, each with what tells its builds apart.
using library_identities = std::map<std::string, std::string>;
/// By the transforms' names.
using transform_libraries = std::map<std::string, library_identities>;

/// The built-in transforms that rules name, ascending.
std::vector<std::string> built_in_names(const project& config);

/// Asks the workers' program for those of some transforms. Takes the 15 ms in which that program loads its
/// libraries. Errors: unsupported (it cannot be run, or does not answer for each of them), cancelled.
result<transform_libraries> libraries_of_workers(process_runner& processes, const std::string& program,
                                                 const std::map<std::string, std::string>& environment,
                                                 const std::vector<std::string>& transforms,
                                                 const cancel_token& cancel);

/// Asks the program of this installation for those that a project needs; none where it needs none.
/// `environment`: of this process. Errors: as above.
result<transform_libraries> libraries_for(const project& config, process_runner& processes,
                                          const std::map<std::string, std::string>& environment,
                                          const cancel_token& cancel);

/// A transform as a tool of a machine, for nodes and what is assigned to them: by "transform/NAME", the
/// digest of its libraries.
std::map<std::string, digest> transform_tools(const transform_libraries& all, const hasher& hash);
inline std::string transform_tool_name(const std::string& transform) { return "transform/" + transform; }

/// The lines of that program's answer: TRANSFORM, LIBRARY and identity between tabulators. Errors: corrupt.
result<transform_libraries> parse_library_lines(std::string_view text);
std::string library_lines(const transform_libraries& all);

/// The arguments of that program as the server of workers: it refuses every task where its libraries are not
/// those that keys were made from.
std::vector<std::string> server_arguments(const transform_libraries& libraries,
                                          const std::vector<std::string>& transforms);

}  // namespace graphite
