#include "coordinator/cluster/hedging.hpp"

#include <algorithm>

namespace graphite {

std::optional<duration> hedging::patience(std::uint64_t own_ns, std::optional<std::uint64_t> rule_ns) const {
  const auto usual = own_ns != 0 ? std::optional(own_ns) : rule_ns;
  if (!usual) return std::nullopt;
  constexpr double longest_ns = 1e15;  // eleven days
  const auto wait = std::min(static_cast<double>(*usual) * options_.factor, longest_ns);
  return std::max(duration(static_cast<std::int64_t>(wait)), options_.after_min);
}

bool hedging::rechecks(const digest& key) const {
  // The finalizer of splitmix64 (Steele, Lea, Flood, OOPSLA 2014) over key and seed.
  auto x = content_number(key) ^ options_.recheck_seed;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  x ^= x >> 31;
  return x % 1'000'000 < options_.recheck_ppm;
}

}  // namespace graphite
