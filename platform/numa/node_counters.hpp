#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "core/error.hpp"
#include "platform/linux/owned_fd.hpp"

struct perf_event_attr;

namespace graphite {

/// Loads or pages, by where they lay.
struct access_counts {
  std::uint64_t local = 0;
  std::uint64_t remote = 0;
};

/// What a counter of the processor's has, as the kernel lays it out. It counted for `running` of the
/// `enabled` ns in which its threads ran: others may have had its place.
struct counter_value {
  std::uint64_t value = 0;
  std::uint64_t enabled = 0;
  std::uint64_t running = 0;
};

/// Scaled to all of the time, at most the largest number. None: it had no turn to count. Pure.
std::optional<std::uint64_t> scaled_count(const counter_value& counter);

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

/// The system's counters, or others in their place.
struct counter_calls {
  /// perf_event_open() of a thread on whatever processor: a descriptor, or -1 and errno.
  std::function<int(const perf_event_attr& what, int thread)> open{};
  /// read() of such a descriptor.
  std::function<ssize_t(int descriptor, std::span<std::byte> into)> read{};
};

struct node_counters_options {
  std::size_t threads_max = 256;               ///< more threads than this are refused
  counter_calls calls{};                       ///< none: the system's
  std::optional<processor_model> processor{};  ///< none: this one
};

/// The processor's counters of loads from this node's memory and from others', in user mode, of the threads
/// of this process: those that run when it is opened and those that they start. Other programs that they
/// start are not counted. Movable; not thread-safe.
class node_counters {
 public:
  /// Needs Linux 5.13, which can tell a thread from a program. Two descriptors a thread. Errors: unsupported,
  /// and why, for people.
  static result<node_counters> open(const node_counters_options& options = {});

  /// Since it was opened, of threads that ended as well. A thread whose counters had no turn is left out.
  /// Errors: unsupported (none had one), io.
  result<access_counts> read() const;

 private:
  struct of_thread {
    owned_fd loads{}, misses{};
  };
  node_counters() = default;
  result<void> add(int thread);
  result<counter_value> value_of(const owned_fd& counter) const;

  counter_calls calls_{};
  bool loads_have_remote_ones_ = false;
  std::vector<of_thread> threads_{};
};

}  // namespace graphite
