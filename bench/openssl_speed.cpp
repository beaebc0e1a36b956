#include "bench/openssl_speed.hpp"

#include <filesystem>
#include <fstream>
#include <regex>

#include "bench/workloads.hpp"

namespace graphite::bench {

std::optional<double> openssl_speed(int processes) {
  const auto path = temporary_folder("openssl") + "/out";
  const auto multi = processes > 1 ? " -multi " + std::to_string(processes) : std::string();
  const auto time = time_command(
      {"/bin/sh", "-c", "openssl speed -seconds 1 -bytes 65536" + multi + " sha256 > " + path + " 2>&1"});
  if (!time) return std::nullopt;
  std::ifstream file(path);
  std::string line, last;
  while (std::getline(file, line))
    if (line.rfind("sha256", 0) == 0) last = line;
  std::filesystem::remove_all(std::filesystem::path(path).parent_path());
  std::smatch found;
  if (!std::regex_search(last, found, std::regex("([0-9.]+)k\\s*$"))) return std::nullopt;
  return std::stod(found[1]) * 1000 / 1e6;
}

}  // namespace graphite::bench
