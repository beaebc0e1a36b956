#include "cli/engine_program.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace graphite {

std::string engine_program() {
  if (const char* named = std::getenv("GRAPHITE_ENGINE"); named != nullptr && *named != '\0') return named;
  std::error_code code;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", code);
  return (self.parent_path() / "graphite-engine").string();
}

error become_engine(const std::vector<std::string>& arguments) {
  const std::string program = engine_program();
  std::string name = "graphite";
  std::vector<char*> argv{name.data()};
  for (const auto& word : arguments) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  const int code = errno;
  return {code == ENOENT ? errc::not_found : errc::io,
          fmt::format("cannot run {}: {}; it belongs beside `graphite`, or GRAPHITE_ENGINE names it", program,
                      errno_error(code, "exec").context)};
}

}  // namespace graphite
