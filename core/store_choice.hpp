#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.hpp"

namespace graphite {

/// Which stores of a cluster hold a content: rendezvous hashing (D. Thaler, C. Ravishankar, "Using name-based
/// mappings to increase hit rates", IEEE/ACM Transactions on Networking 6(1), 1998).
///
/// Every content has an order of all stores, which follows from its digest and their names alone: the same on
/// every machine. Its first R stores hold it. A store that comes takes 1/n of the contents from each of the
/// others, one that goes gives its own to the next in their order, and nothing else moves. Pure; a value.
class store_choice {
 public:
  store_choice() = default;
  /// Names in any order; equal ones count once.
  explicit store_choice(std::vector<std::string> names);

  /// Ascending; what the numbers below index.
  const std::vector<std::string>& names() const { return names_; }
  std::size_t size() const { return names_.size(); }
  /// The first `count` of the content's order, fewer where there are fewer. O(stores · log count).
  std::vector<std::size_t> first(const digest& content, std::size_t count) const;
  std::vector<std::string> first_names(const digest& content, std::size_t count) const;

 private:
  std::vector<std::string> names_;
  std::vector<std::uint64_t> seeds_;  ///< of the names, in the same places
};

}  // namespace graphite
