#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/ports/file_reader.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/process_runner.hpp"
#include "core/ports/tool_resolver.hpp"

namespace graphite {

struct tool_resolver_options {
  std::string root;  ///< of the project: what a relative path with `/` is below
  std::string path;  ///< PATH to look programs up in
  milliseconds version_timeout{10'000};
  std::uint64_t file_bytes_max = 512 * MiB;
  std::size_t cached_max = 4096;  ///< files and tools remembered
};

/// Resolves tools on this machine; file digests and version outputs are kept while the stat signatures
/// of the files (of a machine tool: of the program) stay what they were. Thread-safe.
class linux_tool_resolver final : public tool_resolver {
 public:
  linux_tool_resolver(tool_resolver_options options, const hasher& hash, process_runner& processes)
      : options_(std::move(options)), hash_(hash), processes_(processes) {}

  result<resolved_tool> resolve(const tool_spec& spec) override;

 private:
  struct known {
    stat_signature signature;
    digest value;
  };
  result<std::string> find(const std::string& program) const;
  result<resolved_tool> resolve_content(const tool_spec& spec);
  result<resolved_tool> resolve_machine(const tool_spec& spec);
  result<digest> identity_by_version(const tool_spec& spec);
  result<known> look_at(const std::string& path);
  std::optional<digest> look_up(const std::string& key, const stat_signature& now);
  void remember(const std::string& key, const stat_signature& now, const digest& value);

  tool_resolver_options options_;
  const hasher& hash_;
  process_runner& processes_;
  std::mutex mutex_;
  std::map<std::string, known> known_;
};

}  // namespace graphite
