#include "bundle/delta.hpp"

#include <unordered_map>

namespace graphite {

namespace {

void add_copy(std::vector<delta_plan::copied_range>& to, const delta_plan::copied_range& next) {
  if (!to.empty()) {
    auto& last = to.back();
    if (last.from + last.length == next.from && last.to + last.length == next.to) {
      last.length += next.length;
      return;
    }
  }
  to.push_back(next);
}

}  // namespace

std::uint64_t delta_plan::missing_bytes() const {
  std::uint64_t out = 0;
  for (const auto& each : missing) out += each.chunk.size;
  return out;
}

delta_plan plan_delta(const chunk_list& old, const chunk_list& now) {
  struct place {
    std::uint64_t offset;
    std::uint32_t size;
  };
  std::unordered_map<digest, place> offsets;
  std::uint64_t at = 0;
  for (const auto& chunk : old.chunks) {
    offsets.emplace(chunk.id, place{at, chunk.size});
    at += chunk.size;
  }
  delta_plan out;
  std::unordered_map<digest, std::size_t> asked;
  at = 0;
  for (const auto& chunk : now.chunks) {
    // A list that gives one chunk two sizes is hostile: never copy beyond what is there.
    if (const auto had = offsets.find(chunk.id); had != offsets.end() && had->second.size == chunk.size) {
      add_copy(out.copies, {had->second.offset, at, chunk.size});
    } else {
      const auto [position, fresh] = asked.emplace(chunk.id, out.missing.size());
      if (fresh) out.missing.push_back({chunk, {}});
      out.missing[position->second].to.push_back(at);
    }
    at += chunk.size;
  }
  return out;
}

}  // namespace graphite
