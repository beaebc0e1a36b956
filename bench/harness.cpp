#include "bench/harness.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

extern char** environ;

namespace graphite::bench {

double median(std::vector<double> values) { return percentile(std::move(values), 0.5); }

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::clamp<std::size_t>(rank, 1, values.size()) - 1];
}

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

static std::string field_of(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.rfind(key, 0) == 0) {
      const auto value = line.find_first_not_of(" \t", line.find(':') + 1);
      return value == std::string::npos ? "" : line.substr(value);
    }
  return "unknown";
}

std::string machine_line() {
  utsname names{};
  uname(&names);
  return fmt::format("{}, {} cores, {}, {} {}", field_of("/proc/cpuinfo", "model name"),
                     std::thread::hardware_concurrency(), field_of("/proc/meminfo", "MemTotal"),
                     names.sysname, names.release);
}

namespace {

struct spawned {
  pid_t pid = -1;
  int out = -1;
};

spawned spawn(const std::vector<std::string>& argv, const std::string& folder, bool capture) {
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  int ends[2] = {-1, -1};
  if (capture && pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (capture)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  else
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  if (!folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  spawned child{-1, ends[0]};
  if (posix_spawnp(&child.pid, words[0], &actions, nullptr, words.data(), environ) != 0) child.pid = -1;
  posix_spawn_file_actions_destroy(&actions);
  if (capture) close(ends[1]);
  return child;
}

}  // namespace

std::optional<double> time_command(const std::vector<std::string>& argv, const std::string& folder) {
  const double start = now_seconds();
  const auto child = spawn(argv, folder, false);
  if (child.pid < 0) return std::nullopt;
  int status = 0;
  if (waitpid(child.pid, &status, 0) != child.pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return std::nullopt;
  return now_seconds() - start;
}

std::string first_line_of(const std::vector<std::string>& argv) {
  const auto child = spawn(argv, {}, true);
  std::string text;
  char block[4096];
  for (ssize_t got; child.out >= 0 && (got = read(child.out, block, sizeof block)) > 0;)
    text.append(block, static_cast<std::size_t>(got));
  if (child.out >= 0) close(child.out);
  if (child.pid >= 0) waitpid(child.pid, nullptr, 0);
  return text.substr(0, text.find('\n'));
}

std::string temporary_folder(const std::string& name) {
  auto pattern = (std::filesystem::temp_directory_path() / ("graphite-bench-" + name + "-XXXXXX")).string();
  if (mkdtemp(pattern.data()) == nullptr) {
    std::perror(pattern.c_str());
    std::exit(3);
  }
  return pattern;
}

static std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

std::string to_json(const std::string& workload_name, const report& made) {
  std::string figures;
  for (const auto& f : made.figures) {
    if (!figures.empty()) figures += ',';
    figures += fmt::format(R"({{"name":"{}","value":{:.6g},"unit":"{}","better":"{}")", f.name, f.value,
                           f.unit, f.direction == better::lower ? "lower" : "higher");
    if (f.goal) figures += fmt::format(R"(,"goal":{:.6g})", *f.goal);
    if (!f.peer.empty()) figures += fmt::format(R"(,"peer":"{}")", escaped(f.peer));
    if (f.peer_value) figures += fmt::format(R"(,"peer_value":{:.6g})", *f.peer_value);
    figures += '}';
  }
  return fmt::format(R"({{"workload":"{}","machine":"{}","figures":[{}]}})", workload_name,
                     escaped(machine_line()), figures);
}

static std::string verdict(const figure& f) {
  if (!f.goal) return "";
  const bool reached = f.direction == better::lower ? f.value <= *f.goal : f.value >= *f.goal;
  return reached ? "reached" : "missed";
}

std::string to_table(const report& made) {
  std::string out;
  for (const auto& note : made.notes) out += note + "\n";
  out += fmt::format("{:<26}{:>14} {:<12}{:>12} {:<9}{}\n", "figure", "value", "unit", "goal", "", "peer");
  for (const auto& f : made.figures)
    out += fmt::format("{:<26}{:>14.4g} {:<12}{:>12} {:<9}{}\n", f.name, f.value, f.unit,
                       f.goal ? fmt::format("{:.4g}", *f.goal) : "", verdict(f),
                       f.peer_value ? fmt::format("{}: {:.4g}", f.peer, *f.peer_value) : f.peer);
  return out;
}

}  // namespace graphite::bench
