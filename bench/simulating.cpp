#include <fmt/format.h>

#include <map>

#include "bench/workloads.hpp"
#include "sim/world.hpp"

namespace graphite::bench {

/// Seeds from the first one on, each a whole cluster with what befalls it; those that break a promise are
/// named.
report run_sim(const bench_options& options) {
  const auto runs = options.runs > 0 ? options.runs : options.quick ? 50 : 2'000;
  std::map<std::string, std::uint64_t> counters;
  std::uint64_t broken = 0;
  report out;
  const auto began = now_seconds();
  for (auto seed = options.seed; seed < options.seed + runs; ++seed) {
    const auto made = sim::world({.seed = seed}).run();
    for (const auto& [what, count] : made.counters) counters[what] += count;
    broken += made.broken.size();
    for (const auto& one : made.broken)
      if (out.notes.size() < 40) out.notes.push_back(fmt::format("seed {}: {}", seed, one));
    if (runs == 1) out.notes.push_back(fmt::format("fingerprint {:016x}", made.fingerprint));
  }
  const auto took = now_seconds() - began;
  for (const auto& [what, count] : counters) out.notes.push_back(fmt::format("{}: {}", what, count));
  out.figures = {
      {"seeds_per_minute", static_cast<double>(runs) / took * 60, "seeds", better::higher, 1'000, "", {}},
      {"violations", static_cast<double>(broken), "promises", better::lower, 0, "", {}}};
  return out;
}

}  // namespace graphite::bench
