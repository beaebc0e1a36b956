#include "bench/process_cost.hpp"

#include <filesystem>
#include <fstream>
#include <string>

namespace graphite::bench {

namespace fs = std::filesystem;

static process_cost cost_of_thread(const fs::path& thread) {
  process_cost out;
  std::ifstream schedstat(thread / "schedstat");
  double cpu_ns = 0;
  if (schedstat >> cpu_ns) out.cpu_us = cpu_ns / 1000;
  std::ifstream status(thread / "status");
  for (std::string line; std::getline(status, line);)
    if (line.find("ctxt_switches:") != std::string::npos)
      out.switches += std::stoull(line.substr(line.find(':') + 1));
  return out;
}

process_cost cost_of(pid_t process) {
  process_cost out;
  std::error_code gone;
  for (const auto& thread : fs::directory_iterator("/proc/" + std::to_string(process) + "/task", gone))
    out += cost_of_thread(thread.path());
  return out;
}

}  // namespace graphite::bench
