#include "coordinator/cluster/digest_index.hpp"

#include <utility>

#include "core/error.hpp"

namespace graphite {

void digest_index::put(const entry& what) {
  auto at = home(what.start);
  while (entries_[at].value != none) at = next(at);
  entries_[at] = what;
}

void digest_index::insert(const digest& key, std::uint32_t value) {
  GRAPHITE_INVARIANT(value != none);
  if ((size_ + 1) * 2 > entries_.size()) {
    auto old = std::exchange(entries_, std::vector<entry>(entries_.empty() ? 64 : entries_.size() * 2));
    for (const auto& one : old)
      if (one.value != none) put(one);
  }
  put({start_of(key), value});
  ++size_;
}

bool digest_index::erase(const digest& key, std::uint32_t value) {
  if (entries_.empty()) return false;
  auto hole = home(start_of(key));
  while (entries_[hole].value != none && entries_[hole].value != value) hole = next(hole);
  if (entries_[hole].value == none) return false;
  const auto mask = entries_.size() - 1;
  for (auto at = next(hole); entries_[at].value != none; at = next(at)) {
    // What lies between its home and here may move into the hole only if the hole is on its way.
    if (((at - home(entries_[at].start)) & mask) < ((at - hole) & mask)) continue;
    entries_[hole] = entries_[at];
    hole = at;
  }
  entries_[hole] = {};
  --size_;
  return true;
}

}  // namespace graphite
