/* C++17 over graphite_machine.h, header only: owners for topologies and placed memory; included by
 * graphite.hpp. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "graphite.hpp"

namespace graphite {

/// Owns a graphite_numa_topology. Movable. Throws `failure`.
class numa_topology {
 public:
  numa_topology() { detail::check(graphite_detect_numa_topology(&held_)); }
  numa_topology(numa_topology&& other) noexcept : held_(std::exchange(other.held_, {})) {}
  numa_topology& operator=(numa_topology&& other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~numa_topology() { graphite_free_numa_topology(&held_); }

  const graphite_numa_topology& get() const noexcept { return held_; }
  const graphite_numa_topology* operator->() const noexcept { return &held_; }
  /// The processors of a node that this program may use.
  std::vector<std::uint32_t> cpus_of(std::uint32_t node) const {
    std::vector<std::uint32_t> out;
    for (std::uint32_t cpu = 0; cpu < held_.cpu_count; ++cpu)
      if (held_.cpu_to_node[cpu] == node) out.push_back(cpu);
    return out;
  }

 private:
  graphite_numa_topology held_{};
};

/// Owns memory of graphite_numa_alloc(). Movable. Whatever fails throws `failure`.
class numa_memory {
 public:
  numa_memory() = default;  ///< none
  numa_memory(std::size_t size, std::uint32_t preferred_node)
      : data_(static_cast<std::byte*>(graphite_numa_alloc(size, preferred_node))), size_(size) {
    if (data_ == nullptr) detail::check(graphite_last_result());
  }
  numa_memory(numa_memory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  numa_memory& operator=(numa_memory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~numa_memory() { graphite_numa_free(data_, size_); }

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace graphite
