#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/project.hpp"

namespace graphite {

/// PATH where neither the caller nor the rule gives one.
inline constexpr std::string_view default_command_path = "/usr/local/bin:/usr/bin:/bin";

/// The environment of a command before it meets a scratch folder: the allow-listed names that `caller`
/// has, PATH, then what the rule sets. It enters the action's key as it is, and the command runs with it.
std::map<std::string, std::string> command_environment(const command_spec& command,
                                                       const std::map<std::string, std::string>& caller);

}  // namespace graphite
