#pragma once

#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/path_template.hpp"
#include "platform/worker/worker_pool.hpp"
#include "tests/support/paths.hpp"
#include "transforms/registry.hpp"

/// \file Built-in transforms as a service runs them: by the program `graphite-worker`.

namespace graphite::test {

using given_options = std::map<std::string, option_value, std::less<>>;

/// What is handed to a transform.
struct source_file {
  std::string transform, path, bytes;
  given_options options = {};
  std::vector<std::string> outputs = {};           ///< templates; empty: the standard ones
  std::map<std::string, std::string> beside = {};  ///< further files by path
};

/// What came of it.
struct task_end {
  bool ended = false;              ///< by the transform or by a limit; false: the pool failed
  std::optional<error> failure{};  ///< none: accepted
  std::string warnings{};
  std::map<std::string, std::vector<std::string>> made{};  ///< parts by path
  duration cpu{};
  std::uint64_t memory_bytes_peak = 0;  ///< zero: not known

  bool over_time() const { return failure && failure->context.find("processor time") != std::string::npos; }
  /// It crashed, or its worker did something that it may not.
  bool lost() const { return !ended || (failure && failure->code == errc::action_failed && !over_time()); }
  /// "CODE: why", or empty.
  std::string mistake() const {
    return failure ? std::string(to_string(failure->code)) + ": " + failure->context : "";
  }
};

/// Files in memory; keeps what is made.
class held_files final : public worker_exchange {
 public:
  explicit held_files(const source_file& from) : from_(from) {}

  result<void> load(const logical_path& path, const placing& place) override {
    const auto found = from_.beside.find(path.str());
    if (found == from_.beside.end() && path.str() != from_.path) return fail(errc::not_found, "no such file");
    const auto& bytes = path.str() == from_.path ? from_.bytes : found->second;
    GRAPHITE_TRY(const auto memory, place(bytes.size()));
    if (!memory.empty()) std::memcpy(memory.data(), bytes.data(), memory.size());
    return {};
  }
  result<void> take(const logical_path& path, std::span<const byte_span> parts) override {
    for (const auto& part : parts) made[path.str()].emplace_back(as_text(part));
    return {};
  }

  std::map<std::string, std::vector<std::string>> made;

 private:
  const source_file& from_;
};

struct worker_limits {
  std::uint64_t memory_bytes = 256 * MiB, output_bytes = 64 * MiB;
  milliseconds timeout{10'000};
};

/// One task by a worker of the pool.
inline task_end run_in(worker_pool& pool, const source_file& file, const worker_limits& limits = {}) {
  const auto* const what = find_built_in(file.transform);
  built_in_spec spec;
  spec.name = file.transform;
  spec.version = what->version;
  spec.options = option_values::make(what->options, file.options).value();
  spec.memory_bytes_max = limits.memory_bytes;
  spec.timeout = limits.timeout;
  spec.output_bytes_max = limits.output_bytes;
  const auto path = path_of(file.path);
  std::vector<std::string> templates = file.outputs;
  if (templates.empty()) templates.assign(what->outputs.begin(), what->outputs.end());
  std::vector<output_name> outputs;
  for (const auto& text : templates) outputs.push_back(expand_output(text, path).value());
  held_files files(file);
  cancel_token cancel;
  auto ran = pool.run({spec, path, outputs}, files, cancel);
  if (!ran) return {.failure = ran.error()};
  return {.ended = true,
          .failure = std::move(ran->failure),
          .warnings = std::move(ran->warnings),
          .made = std::move(files.made),
          .cpu = ran->cpu,
          .memory_bytes_peak = ran->memory_bytes_peak};
}

inline worker_pool_options real_workers(std::map<std::string, std::string> environment = {},
                                        std::uint32_t tasks_max = 1024, std::uint32_t threads = 2) {
  environment["LC_ALL"] = "C";
  // As the service starts it where a project has shaders: each fresh worker saves 60 ms.
  return {.program = GRAPHITE_REAL_WORKER,
          .environment = std::move(environment),
          .arguments = {"shader"},
          .nice = 0,
          .threads = threads,
          .tasks_max = tasks_max};
}

}  // namespace graphite::test
