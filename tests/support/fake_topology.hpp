#pragma once

#include <mutex>
#include <numeric>
#include <optional>

#include "core/ports/topology.hpp"
#include "core/units.hpp"

namespace graphite::test {

/// A machine with so many processors on nodes 0, 1, 2 …, numbered through, 1 GiB each; 0: memory only. Nodes
/// are 20 from each other.
inline machine_topology fake_machine(const std::vector<int>& cpus) {
  machine_topology out;
  out.quota_reason = "no group has a quota";
  out.exclusive_reason = "a made-up machine is shared";
  for (const int count : cpus) {
    auto& node = out.nodes.emplace_back();
    node.number = static_cast<unsigned>(out.nodes.size() - 1);
    node.cpus.resize(static_cast<std::size_t>(count));
    std::iota(node.cpus.begin(), node.cpus.end(), static_cast<int>(out.online_cpus));
    node.cores = node.cpus;
    node.memory_only = count == 0;
    node.memory_bytes = GiB;
    node.distances.assign(cpus.size(), 20);
    node.distances[node.number] = 10;
    out.online_cpus += static_cast<std::size_t>(count);
  }
  return out;
}

/// Tells a made-up machine, or fails at will. Thread-safe.
class fake_topology final : public topology_source {
 public:
  explicit fake_topology(machine_topology machine) : machine_(std::move(machine)) {}

  void set(machine_topology machine) {
    const std::lock_guard lock(mutex_);
    machine_ = std::move(machine);
  }
  void set_failure(std::optional<error> failure) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
  }

  result<machine_topology> read() const override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    return machine_;
  }

 private:
  mutable std::mutex mutex_;
  machine_topology machine_;
  std::optional<error> failure_{};
};

}  // namespace graphite::test
