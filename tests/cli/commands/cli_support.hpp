#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "cli/command_line.hpp"

namespace graphite::test {

struct cli_run {
  int code = -1;
  std::string out, err;

  /// Each line of standard output as JSON; a line that is none fails the test.
  std::vector<nlohmann::json> objects() const {
    std::vector<nlohmann::json> found;
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) {
      auto object = nlohmann::json::parse(line, nullptr, false);
      EXPECT_TRUE(object.is_object()) << "not an object: " << line;
      found.push_back(std::move(object));
    }
    return found;
  }
};

/// Runs one command line in this process.
inline cli_run run_cli(const std::vector<std::string>& arguments, const command_handlers& handlers = {}) {
  cli_run out;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  out.code = run_command_line(arguments, handlers);
  out.out = testing::internal::GetCapturedStdout();
  out.err = testing::internal::GetCapturedStderr();
  return out;
}

/// Sets an environment variable while it lives.
class environment_value {
 public:
  environment_value(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  environment_value(const environment_value&) = delete;
  environment_value& operator=(const environment_value&) = delete;
  ~environment_value() { ::unsetenv(name_); }

 private:
  const char* name_;
};

}  // namespace graphite::test
