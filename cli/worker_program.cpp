#include "cli/worker_program.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

extern char** environ;

namespace graphite {

namespace {

std::vector<std::filesystem::path> folders() {
  std::vector<std::filesystem::path> out;
  std::error_code code;
  const auto add = [&](const std::filesystem::path& file) {
    const auto folder = std::filesystem::weakly_canonical(file, code).parent_path();
    if (code || folder.empty()) return;
    out.push_back(folder);
    out.push_back(folder.parent_path() / "bin");
  };
  add(std::filesystem::read_symlink("/proc/self/exe", code));
  Dl_info here{};
  if (::dladdr(reinterpret_cast<const void*>(&worker_program), &here) != 0 && here.dli_fname != nullptr)
    add(here.dli_fname);
  const char* const path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(':'), rest.size());
    if (rest.front() == '/') out.emplace_back(rest.substr(0, end));
    rest.erase(0, end + 1);
  }
  return out;
}

/// The program that the variable names, or one of that name beside this one or in PATH.
std::string own_program(const char* name, const char* variable) {
  if (const char* named = std::getenv(variable); named != nullptr && *named != '\0')
    return std::filesystem::absolute(named).string();
  const auto all = folders();
  for (const auto& folder : all)
    if (const auto program = folder / name; ::access(program.c_str(), X_OK) == 0) return program.string();
  return (all.empty() ? std::filesystem::path("/usr/bin") : all.front()) / name;
}

}  // namespace

std::string worker_program() { return own_program("graphite-worker", "GRAPHITE_WORKER"); }
std::string sandbox_program() { return own_program("graphite-sandbox", "GRAPHITE_SANDBOX_PROGRAM"); }

std::map<std::string, std::string> caller_environment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

std::map<std::string, std::string> worker_environment(const std::map<std::string, std::string>& environment) {
  std::map<std::string, std::string> out{{"LC_ALL", "C"}};
  for (const auto* name : {"GRAPHITE_SIMD", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"})
    if (const auto found = environment.find(name); found != environment.end()) out.insert(*found);
  return out;
}

}  // namespace graphite
