#pragma once

#include <array>
#include <span>
#include <vector>

#include "coordinator/cluster/cluster_types.hpp"

namespace graphite {

/// Which domains probably have which contents: what was read or made there lately.
///
/// A guess that only steers placement: it may name a domain that has dropped the content, and forgets what
/// was not seen for long. Domains go by a serial number that is never used twice, so that those of a lost one
/// need not be looked for. Pure. Sets of four, the longest unseen goes first; four domains a content, the
/// newest. note and find are O(1) and ask for no memory. Bound: `contents_max`,
/// 32 bytes each. All is forgotten after 2^32 notes.
class content_index {
 public:
  static constexpr std::size_t holders_max = 4;
  using holder = std::uint32_t;  ///< what names a domain and no other before or after it; 0: none
  using holder_list = std::array<holder, holders_max>;

  explicit content_index(std::size_t contents_max);
  void note(std::uint64_t content, holder where);
  /// Zeros where it is not known. The newest first.
  holder_list find(std::uint64_t content) const;

 private:
  struct entry {
    std::uint64_t content = 0;
    holder_list holders{};
    std::uint32_t seen = 0;  ///< 0: unused
  };
  static constexpr std::size_t ways = 4;
  std::span<entry> set_of(std::uint64_t content);
  std::size_t set_number(std::uint64_t content) const;

  std::vector<entry> entries_;
  std::uint32_t seen_ = 0;
};

}  // namespace graphite
