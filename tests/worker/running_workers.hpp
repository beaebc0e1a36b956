#pragma once

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/cpu_list.hpp"
#include "core/ports/transform_workers.hpp"

/// \file Workers of this process as the kernel sees them: where they run, and what their threads are called.

namespace graphite::test {

using processors = std::vector<int>;

/// The folder of each thread; none of a process that has ended.
inline std::vector<std::filesystem::path> tasks_of(pid_t process) {
  std::vector<std::filesystem::path> out;
  std::error_code gone;
  std::filesystem::directory_iterator next("/proc/" + std::to_string(process) + "/task", gone);
  for (; !gone && next != std::filesystem::directory_iterator(); next.increment(gone))
    out.push_back(next->path());
  return out;
}

/// The processes that any thread of `parent` has started.
inline std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> out;
  for (const auto& task : tasks_of(parent)) {
    std::ifstream in(task / "children");
    for (pid_t one = 0; in >> one;) out.push_back(one);
  }
  return out;
}

/// By its name: where each thread of a process may run. The first one's name is "".
inline std::map<std::string, processors> threads_of(pid_t process) {
  std::map<std::string, processors> out;
  for (const auto& task : tasks_of(process)) {
    std::string name, line;
    std::getline(std::ifstream(task / "comm"), name);
    if (task.filename() == std::to_string(process)) name.clear();
    constexpr std::string_view label = "Cpus_allowed_list:\t";
    for (std::ifstream status(task / "status"); std::getline(status, line);)
      if (line.starts_with(label)) out[name] = parse_cpu_list(line.substr(label.size())).value();
  }
  return out;
}

struct seen_server {
  std::map<std::string, processors> threads;
  std::vector<std::map<std::string, processors>> workers;  ///< of each its threads; the oldest first
};

/// All servers of workers, in the order of their processors.
inline std::vector<seen_server> servers_now() {
  std::vector<seen_server> out;
  for (const auto server : children_of(::getpid())) {
    auto& one = out.emplace_back(seen_server{threads_of(server), {}});
    for (const auto worker : children_of(server)) one.workers.push_back(threads_of(worker));
  }
  std::ranges::sort(out, {}, &seen_server::threads);
  return out;
}

/// Brings "a/in.txt" and takes what is made.
class small_exchange final : public worker_exchange {
 public:
  result<void> load(const logical_path&, const placing& place) override {
    GRAPHITE_TRY(const auto memory, place(1));
    std::ranges::fill(memory, std::byte{'x'});
    return {};
  }
  result<void> take(const logical_path&, std::span<const byte_span>) override {
    on_take();
    return {};
  }
  /// Called while the worker still runs.
  std::function<void()> on_take = [] {};
};

/// Has a worker of `from` do it; whether it was done well.
inline bool do_task(
    transform_workers& from, const std::string& transform, const std::function<void()>& on_take = [] {}) {
  built_in_spec what;
  what.name = transform;
  what.memory_bytes_max = 64 * MiB;
  const auto input = *logical_path::parse("a/in.txt");
  const std::vector<output_name> outputs{{"out.bin", false}};
  small_exchange exchange;
  exchange.on_take = on_take;
  const cancel_token cancel;
  const auto ran = from.run({what, input, outputs}, exchange, cancel);
  return ran && !ran->failure;
}

}  // namespace graphite::test
