#include "platform/linux/lock_holder.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace graphite {

static std::string program_of(long pid) {
  std::ifstream file(fmt::format("/proc/{}/comm", pid));
  std::string name;
  std::getline(file, name);
  return name.empty() ? fmt::format("process {}", pid) : fmt::format("process {} ({})", pid, name);
}

std::string describe_lock_holder(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return "another process";
  const std::string wanted =
      fmt::format("{:02x}:{:02x}:{}", major(info.st_dev), minor(info.st_dev), info.st_ino);
  std::ifstream locks("/proc/locks");
  // "1: POSIX  ADVISORY  WRITE 1234 fe:00:5678 0 EOF"; waiters have "->" in the second place
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number, type, mode, access, file;
    long pid = 0;
    words >> number >> type >> mode >> access >> pid >> file;
    if (!words || file != wanted || pid <= 0) continue;
    return pid == ::getpid() ? "this process" : program_of(pid);
  }
  return "another process";
}

}  // namespace graphite
