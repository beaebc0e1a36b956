#include "coordinator/cluster/digest_index.hpp"

#include <utility>

#include "core/error.hpp"

namespace graphite {

/// Where `key` is, or would be put.
std::size_t digest_index::place(const digest& key) const {
  auto at = home(key);
  while (entries_[at].value != none && entries_[at].key != key) at = (at + 1) & (entries_.size() - 1);
  return at;
}

std::uint32_t digest_index::find(const digest& key) const {
  return entries_.empty() ? none : entries_[place(key)].value;
}

void digest_index::insert(const digest& key, std::uint32_t value) {
  GRAPHITE_INVARIANT(value != none);
  if ((size_ + 1) * 2 > entries_.size()) grow();
  auto& where = entries_[place(key)];
  GRAPHITE_INVARIANT(where.value == none);
  where = {key, value};
  ++size_;
}

bool digest_index::erase(const digest& key) {
  if (entries_.empty()) return false;
  const auto mask = entries_.size() - 1;
  auto hole = place(key);
  if (entries_[hole].value == none) return false;
  for (auto at = (hole + 1) & mask; entries_[at].value != none; at = (at + 1) & mask) {
    // What lies between its home and here may move into the hole only if the hole is on its way.
    if (((at - home(entries_[at].key)) & mask) < ((at - hole) & mask)) continue;
    entries_[hole] = entries_[at];
    hole = at;
  }
  entries_[hole] = {};
  --size_;
  return true;
}

void digest_index::grow() {
  auto old = std::exchange(entries_, std::vector<entry>(entries_.empty() ? 64 : entries_.size() * 2));
  for (const auto& one : old)
    if (one.value != none) entries_[place(one.key)] = one;
}

}  // namespace graphite
