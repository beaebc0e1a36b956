#include "platform/linux/program_lookup.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

namespace graphite {

namespace {

enum class candidate { runnable, absent, not_executable };

candidate judge(const std::string& file) {
  struct stat state {};
  if (::stat(file.c_str(), &state) != 0)
    return errno == EACCES ? candidate::not_executable : candidate::absent;
  if (!S_ISREG(state.st_mode)) return candidate::absent;
  return ::access(file.c_str(), X_OK) == 0 ? candidate::runnable : candidate::not_executable;
}

result<std::string> at_place(std::string_view program, std::string_view folder) {
  std::string file = program.front() == '/' ? std::string(program) : fmt::format("{}/{}", folder, program);
  switch (judge(file)) {
    case candidate::runnable:
      return file;
    case candidate::absent:
      break;
    case candidate::not_executable:
      return fail(errc::permission_denied,
                  fmt::format("program '{}' is not executable: chmod +x {}", program, file));
  }
  return fail(errc::not_found, fmt::format("program '{}' does not exist (looked for {})", program, file));
}

std::vector<std::string_view> folders_of(std::string_view path) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find(':', at), path.size());
    if (end > at) out.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace

result<std::string> look_up_program(std::string_view program, std::string_view path,
                                    std::string_view working_folder) {
  if (program.empty() || program.find('\0') != program.npos)
    return fail(errc::invalid_argument, "the command names no program");
  if (program.find('/') != program.npos) return at_place(program, working_folder);
  std::string refused;
  for (const auto folder : folders_of(path)) {
    auto file = fmt::format("{}{}{}/{}", folder.front() == '/' ? "" : working_folder,
                            folder.front() == '/' ? "" : "/", folder, program);
    const auto what = judge(file);
    if (what == candidate::runnable) return file;
    if (what == candidate::not_executable && refused.empty()) refused = std::move(file);
  }
  if (!refused.empty())
    return fail(errc::permission_denied, fmt::format("program '{}' is not executable: {}", program, refused));
  return fail(errc::not_found, fmt::format("program '{}' not found: looked in {}", program,
                                           path.empty() ? "no folder, PATH is empty" : path));
}

}  // namespace graphite
