#pragma once

#include <string>
#include <vector>

#include "cli/commands.hpp"

namespace graphite {

/// `graphite --version`.
extern const char* const program_version;

/// Parses and runs one command line (without the program's name). Returns the exit code. Prints usage errors
/// to standard error with what was probably meant.
int run_command_line(const std::vector<std::string>& arguments, const command_handlers& handlers);

/// The whole parse table's help, subcommand by subcommand: what docs/cli.md is checked against.
std::string all_help(const command_handlers& handlers);

}  // namespace graphite
