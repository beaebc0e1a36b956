#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// How much of the memory that was used lies on another node.
struct remote_access {
  std::optional<double> ratio{};  ///< 0 to 1; none: unknown
  std::string source{};           ///< what was counted, by whom, of what; empty where nothing could be
  std::string reason{};           ///< why it is unknown, or why no better source is in use
};

/// Loads or pages, by where they lay.
struct access_counts {
  std::uint64_t local = 0;
  std::uint64_t remote = 0;
};

/// The part of the remote ones; none where there are none of either. Pure.
std::optional<double> remote_ratio(const access_counts& counts);

/// What a node's numastat says: local_node, other_node. Pure. Errors: invalid_argument.
result<access_counts> parse_numastat(std::string_view text);

/// One of the processor's counters of node loads, held for `running` of the `enabled` time it should have
/// counted, because others had its place: scaled to all of it. Pure.
std::uint64_t scaled_count(std::uint64_t value, std::uint64_t enabled, std::uint64_t running);

/// Which processor, as CPUID tells it.
struct processor_model {
  enum class maker { other, intel, amd };
  maker by = maker::other;
  unsigned family = 0, model = 0;
};

/// Whether the kernel's generic "node-loads" counts remote loads as well, as it does on processors before
/// Intel's Haswell and AMD's Zen; on later ones it counts local loads only. From the tables of events in the
/// kernel's arch/x86/events. Pure.
bool node_loads_have_remote_ones(const processor_model& processor);

/// What the counters "node-loads" and "node-load-misses" say. Pure.
access_counts counts_of_loads(std::uint64_t loads, std::uint64_t misses, bool loads_have_remote_ones);

struct remote_access_options {
  std::string root{};             ///< stands before /proc and /sys
  bool hardware = true;           ///< whether the processor's counters are tried
  std::size_t threads_max = 256;  ///< more threads than this are not counted by hardware
};

/// Measures from start() to read(): the processor's counters of this process's threads (those that run at the
/// start and those they start) where they exist and may be opened; else the kernel's counts of allocated
/// pages, which are of the whole machine and say where memory was given, not used; else nothing, with the
/// reason. Not thread-safe.
class remote_access_meter {
 public:
  explicit remote_access_meter(remote_access_options options = {}) : options_(std::move(options)) {}
  void start();
  remote_access read() const;

 private:
  struct thread_counters {
    owned_fd loads{}, misses{};
  };
  result<void> start_hardware();
  result<remote_access> read_hardware() const;
  result<access_counts> read_pages() const;

  remote_access_options options_;
  std::vector<thread_counters> counters_{};
  std::string no_hardware_{};
  std::optional<result<access_counts>> pages_before_{};
};

}  // namespace graphite
