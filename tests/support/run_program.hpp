#pragma once

#include <cstdio>
#include <string>

namespace graphite::test {

struct program_outcome {
  std::string text;
  int code = 0;
};

/// What a shell's command printed, and its exit status as wait() gives it.
inline program_outcome run_program(const std::string& command) {
  program_outcome out;
  FILE* const pipe = ::popen(command.c_str(), "r");
  char buffer[4096];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.text.append(buffer, n);
  out.code = ::pclose(pipe);
  return out;
}

}  // namespace graphite::test
