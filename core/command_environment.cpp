#include "core/command_environment.hpp"

namespace graphite {

std::map<std::string, std::string> command_environment(const command_spec& command,
                                                       const std::map<std::string, std::string>& caller) {
  std::map<std::string, std::string> out{{"PATH", std::string(default_command_path)}};
  for (const auto& name : command.environment)
    if (const auto found = caller.find(name); found != caller.end()) out[name] = found->second;
  for (const auto& [name, value] : command.set_environment) out[name] = value;
  return out;
}

}  // namespace graphite
