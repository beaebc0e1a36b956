#include "coordinator/cluster/content_index.hpp"

#include <algorithm>
#include <bit>

namespace graphite {

content_index::content_index(std::size_t contents_max)
    : entries_(std::bit_ceil(std::max<std::size_t>(contents_max, ways))) {}

std::size_t content_index::set_number(std::uint64_t content) const {
  // Fibonacci hashing (Knuth, TAOCP 3, 6.4): what is not spread evenly is, then.
  return (content * 0x9e3779b97f4a7c15u >> 20) & (entries_.size() / ways - 1);
}

std::span<content_index::entry> content_index::set_of(std::uint64_t content) {
  return {&entries_[set_number(content) * ways], ways};
}

void content_index::note(std::uint64_t content, holder where) {
  if (seen_ == 0xffffffffu) {
    std::fill(entries_.begin(), entries_.end(), entry{});
    seen_ = 0;
  }
  const auto set = set_of(content);
  auto* at = &set.front();
  for (auto& one : set) {
    if (one.seen != 0 && one.content == content) {
      at = &one;
      break;
    }
    if (one.seen < at->seen) at = &one;
  }
  if (at->seen == 0 || at->content != content) *at = {content, {}, 0};
  at->seen = ++seen_;
  auto place = std::find(at->holders.begin(), at->holders.end(), where);
  if (place == at->holders.end()) *--place = where;
  std::rotate(at->holders.begin(), place, place + 1);
}

content_index::holder_list content_index::find(std::uint64_t content) const {
  const auto first = set_number(content) * ways;
  for (auto i = first; i < first + ways; ++i)
    if (entries_[i].seen != 0 && entries_[i].content == content) return entries_[i].holders;
  return {};
}

}  // namespace graphite
