#include "coordinator/reference_table.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace graphite {

static std::vector<std::uint32_t> distinct(std::span<const reference_table::candidate> candidates) {
  std::vector<std::uint32_t> out;
  for (const auto one : candidates) out.push_back(one.index());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void reference_table::set(std::uint32_t artefact, const std::vector<candidate>& now) {
  const auto old = distinct(candidates(artefact)), next = distinct(now);
  std::vector<std::uint32_t> gone, added;
  std::set_difference(old.begin(), old.end(), next.begin(), next.end(), std::back_inserter(gone));
  std::set_difference(next.begin(), next.end(), old.begin(), old.end(), std::back_inserter(added));
  for (const auto target : gone) GRAPHITE_INVARIANT(pool_.erase(referrers_[target], artefact));
  for (const auto target : added) pool_.push(referrers_[target], artefact);
  pool_.assign(candidates_[artefact], reinterpret_cast<const std::uint32_t*>(now.data()),
               static_cast<std::uint32_t>(now.size()));
}

}  // namespace graphite
