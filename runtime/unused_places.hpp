#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "core/content.hpp"

namespace graphite {

/// Where contents lie that the next generation has no use for, until nobody reads them any more: their pages
/// can leave the memory then, though the file that is mapped stays. Pure.
class unused_places {
 public:
  static constexpr std::size_t places_max = 1 << 16;  ///< beyond, the oldest stay in memory

  /// `places` were of use up to `version`.
  void add(std::uint64_t version, std::vector<extent> places);
  /// Those of use to no version from `oldest_read` on: the oldest that is current or still read.
  std::vector<extent> take(std::uint64_t oldest_read);
  std::size_t size() const { return size_; }

 private:
  struct entry {
    std::uint64_t version;
    std::vector<extent> places;
  };
  std::deque<entry> entries_;  ///< ascending by version
  std::size_t size_ = 0;
};

}  // namespace graphite
