#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "coordinator/edge_pool.hpp"

namespace graphite {

/// What each artefact's bytes refer to: references in order, each with its candidates in search order, and
/// the way back. Pure, compact (4 bytes a candidate each way).
class reference_table {
 public:
  /// One candidate, packed.
  struct candidate {
    std::uint32_t bits = 0;
    std::uint32_t index() const { return bits & ((1u << 28) - 1); }
    bool first() const { return (bits >> 31) != 0; }          ///< opens a new reference
    bool required() const { return (bits >> 30 & 1u) != 0; }  ///< of the whole reference
    bool at_run() const { return (bits >> 29 & 1u) != 0; }    ///< of the whole reference
    static candidate make(std::uint32_t index, bool first, bool required, bool at_run) {
      return {index | (first ? 1u << 31 : 0u) | (required ? 1u << 30 : 0u) | (at_run ? 1u << 29 : 0u)};
    }
    bool operator==(const candidate&) const = default;
  };

  void resize(std::size_t artefacts) {
    if (artefacts > candidates_.size()) candidates_.resize(artefacts), referrers_.resize(artefacts);
  }
  std::span<const candidate> candidates(std::uint32_t artefact) const {
    const auto list = candidates_[artefact];
    return {reinterpret_cast<const candidate*>(pool_.data(list)), list.size};
  }
  /// Artefacts that name `artefact` as a candidate, each once.
  std::span<const std::uint32_t> referrers(std::uint32_t artefact) const {
    const auto list = referrers_[artefact];
    return {pool_.data(list), list.size};
  }
  /// Replaces what `artefact` refers to; every index must be below the last resize().
  void set(std::uint32_t artefact, const std::vector<candidate>& now);

 private:
  edge_pool pool_;
  std::vector<edge_list> candidates_, referrers_;
};

}  // namespace graphite
