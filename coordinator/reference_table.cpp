#include "coordinator/reference_table.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace graphite {

/// Whether the list names one artefact at most once. O(size^2): for short lists.
static bool all_distinct(const std::vector<reference_table::candidate>& list) {
  for (std::size_t i = 1; i < list.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (list[i].index() == list[j].index()) return false;
  return true;
}

static std::vector<std::uint32_t> distinct(std::span<const reference_table::candidate> candidates) {
  std::vector<std::uint32_t> out;
  for (const auto one : candidates) out.push_back(one.index());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void reference_table::set(std::uint32_t artefact, const std::vector<candidate>& now) {
  constexpr std::size_t short_max = 8;
  if (candidates_[artefact].size == 0 && now.size() <= short_max && all_distinct(now)) {
    for (const auto one : now) pool_.push(referrers_[one.index()], artefact);  // the common case at a load
    return pool_.assign(candidates_[artefact], reinterpret_cast<const std::uint32_t*>(now.data()),
                        static_cast<std::uint32_t>(now.size()));
  }
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
