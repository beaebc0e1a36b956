#pragma once

#include <optional>
#include <string>

#include "core/ports/memory_placement.hpp"

namespace graphite {

/// Private anonymous memory, whole pages of zeroes, none of them touched yet. Owns the mapping.
class anonymous_pages {
 public:
  /// At least `bytes`, rounded up to whole pages. Errors: invalid_argument (none wanted), too_large,
  /// out_of_space.
  static result<anonymous_pages> make(std::size_t bytes);
  anonymous_pages(anonymous_pages&& other) noexcept;
  anonymous_pages& operator=(anonymous_pages&& other) noexcept;
  ~anonymous_pages();

  std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit anonymous_pages(std::span<std::byte> bytes) : bytes_(bytes) {}
  std::span<std::byte> bytes_{};
};

/// Such memory with a policy, which holds where the system lets it be placed; where not, it is still memory.
class placed_memory {
 public:
  /// Errors: as anonymous_pages::make, and invalid_argument for a policy that cannot be.
  static result<placed_memory> make(std::size_t bytes, const placement_policy& policy,
                                    memory_placement& placement);

  std::span<std::byte> bytes() const { return pages_.bytes(); }
  /// What is in force: as asked, or `local` where that was refused.
  const placement_policy& policy() const { return policy_; }
  /// Why it was refused; empty: it was not.
  const std::string& refused() const { return refused_; }

 private:
  placed_memory(anonymous_pages pages, placement_policy policy)
      : pages_(std::move(pages)), policy_(std::move(policy)) {}
  anonymous_pages pages_;
  placement_policy policy_;
  std::string refused_{};
};

}  // namespace graphite
