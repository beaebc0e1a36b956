#include "platform/sandbox/usage_meter.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "core/units.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

namespace {

constexpr std::size_t processes_looked_at_max = 65'536;

std::string small_file(const std::string& path) {
  const owned_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string out(16 * KiB, '\0');
  const auto size = file ? ::read(file.get(), out.data(), out.size()) : -1;
  out.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return out;
}

/// The value in bytes of a line "NAME:  123 kB".
std::uint64_t line_of(const std::string& text, std::string_view name) {
  const auto at = text.find(name);
  unsigned long long kib = 0;
  if (at == std::string::npos || std::sscanf(text.c_str() + at + name.size(), " %llu", &kib) != 1) return 0;
  return kib * KiB;
}

/// Its own and shared memory; not what are only files.
std::uint64_t memory_of(pid_t process) {
  const auto text = small_file(fmt::format("/proc/{}/status", process));
  return line_of(text, "\nRssAnon:") + line_of(text, "\nRssShmem:");
}

void add_children(pid_t process, std::vector<pid_t>& out) {
  const auto text = small_file(fmt::format("/proc/{0}/task/{0}/children", process));
  const char* at = text.c_str();
  char* end = nullptr;
  for (long one = std::strtol(at, &end, 10); end != at; one = std::strtol(at, &end, 10)) {
    out.push_back(static_cast<pid_t>(one));
    at = end;
  }
}

}  // namespace

std::uint64_t memory_of_tree(pid_t process) {
  std::vector<pid_t> left{process};
  std::uint64_t out = 0;
  for (std::size_t done = 0; done < left.size() && done < processes_looked_at_max; ++done) {
    out += memory_of(left[done]);
    add_children(left[done], left);
  }
  return out;
}

std::string usage_meter::look(pid_t process) const {
  if (auto why = look_at_folders(); !why.empty()) return why;
  return look_at_memory(process);
}

std::string usage_meter::look_at_folders() const {
  if (limits_.disk_bytes_max == 0) return {};
  std::uint64_t bytes = 0;
  std::size_t entries = 0;
  for (const auto& folder : folders_) {
    std::error_code code;
    auto at = std::filesystem::recursive_directory_iterator(
        folder, std::filesystem::directory_options::skip_permission_denied, code);
    for (; !code && at != std::filesystem::recursive_directory_iterator(); at.increment(code)) {
      struct stat state {};
      if (::lstat(at->path().c_str(), &state) == 0)
        bytes += static_cast<std::uint64_t>(state.st_blocks) * 512;
      if (++entries > limits_.entries_max) return fmt::format("more than {} files", limits_.entries_max);
    }
  }
  if (bytes <= limits_.disk_bytes_max) return {};
  return fmt::format("more than {} MiB of files", limits_.disk_bytes_max / MiB);
}

std::string usage_meter::look_at_memory(pid_t process) const {
  if (limits_.memory_bytes_max == 0 || memory_of_tree(process) <= limits_.memory_bytes_max) return {};
  return fmt::format("more than {} MiB of memory in all its processes", limits_.memory_bytes_max / MiB);
}

}  // namespace graphite
