#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "platform/numa/node_counters.hpp"

namespace graphite {

/// How much of the memory that was used lies on another node.
struct remote_access {
  std::optional<double> ratio{};  ///< 0 to 1; none: unknown
  std::string source{};           ///< what was counted, by whom, of what; empty where nothing could be
  std::string reason{};           ///< why it is unknown, or why no better source is in use
};

/// The part of the remote ones; none where there are none of either. Pure.
std::optional<double> remote_ratio(const access_counts& counts);

/// What a node's numastat says: local_node, other_node. Pure. Errors: invalid_argument.
result<access_counts> parse_numastat(std::string_view text);

struct remote_access_options {
  std::string root{};                ///< stands before /proc and /sys
  bool hardware = true;              ///< whether the processor's counters are tried
  node_counters_options counters{};  ///< those
};

/// Measures from start() to read(): the processor's counters of this process's threads, not of the programs
/// it starts, where they exist and may be opened; else the kernel's counts of allocated pages, which are of
/// the whole machine and say where memory was given, not used; else nothing, with the reason. Not
/// thread-safe.
class remote_access_meter {
 public:
  explicit remote_access_meter(remote_access_options options = {}) : options_(std::move(options)) {}
  void start();
  remote_access read() const;

 private:
  result<access_counts> read_pages() const;

  remote_access_options options_;
  std::optional<result<node_counters>> counters_{};      ///< none before start(); an error: why not those
  std::optional<result<access_counts>> pages_before_{};  ///< where there are no counters
};

}  // namespace graphite
