#include "core/command_environment.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(command_environment, lets_only_named_values_through) {
  command_spec command;
  command.environment = {"LANG", "ABSENT"};
  command.set_environment = {{"MODE", "fast"}, {"LANG", "C"}};
  const auto environment = command_environment(command, {{"LANG", "de"}, {"SECRET", "x"}, {"PATH", "/evil"}});
  EXPECT_EQ(environment, (std::map<std::string, std::string>{
                             {"LANG", "C"}, {"MODE", "fast"}, {"PATH", std::string(default_command_path)}}));
  command.environment = {"PATH"};
  EXPECT_EQ(command_environment(command, {{"PATH", "/opt/bin"}}).at("PATH"), "/opt/bin");
}

}  // namespace
}  // namespace graphite
