#pragma once

#include <memory>
#include <string>

#include "core/ports/memory_placement.hpp"

namespace graphite {

/// What any adapter refuses before it asks the system. Errors: invalid_argument (not whole pages of
/// `page_bytes`, or the policy has too few or too many nodes, or one whose number no kernel has). Pure.
result<void> check_placement(std::span<const std::byte> pages, const placement_policy& policy,
                             std::size_t page_bytes);

/// The kernel's own: mbind and move_pages. What of these is refused here (by a container's seccomp filter, by
/// a kernel without NUMA) is tried once, at the start; after that it is `unsupported` with no call made. Node
/// numbers are physical ones: where the cpuset moves, they mean the same nodes. Memory that the cpuset
/// forbids is `unsupported`. `local` never fails. Thread-safe.
class numa_placement final : public memory_placement {
 public:
  numa_placement();
  result<void> apply(std::span<std::byte> pages, const placement_policy& policy) override;
  result<std::size_t> move(std::span<std::byte> pages, unsigned node) override;
  result<std::vector<std::optional<unsigned>>> where(std::span<const std::byte> pages) const override;
  std::string reason() const override;

 private:
  std::size_t page_bytes_;
  // Why not; empty: it works.
  std::string bind_refused_{};
  std::string move_refused_{};
  std::string where_refused_{};
};

/// Leaves memory to the system: `local` succeeds, all else is unsupported for the given reason. Thread-safe.
class no_placement final : public memory_placement {
 public:
  explicit no_placement(std::string reason);
  result<void> apply(std::span<std::byte> pages, const placement_policy& policy) override;
  result<std::size_t> move(std::span<std::byte> pages, unsigned node) override;
  result<std::vector<std::optional<unsigned>>> where(std::span<const std::byte> pages) const override;
  std::string reason() const override { return reason_; }

 private:
  std::size_t page_bytes_;
  std::string reason_;
};

}  // namespace graphite
