#pragma once

#include <optional>

#include "coordinator/cluster/cluster_types.hpp"

namespace graphite {

struct hedging_options {
  double factor =
      2;  ///< a straggler takes so many times longer than learned_rules_options::slow_share of them
  duration after_min = milliseconds(200);
  std::uint32_t share_permille =
      50;  ///< of the CPU that attempts have in all, for second attempts; one is always allowed
  /// After the first result the other attempt may go on for so long, so that both can be compared.
  duration compare_max = seconds(10);
  /// Of all results, so many of a million are made once more, by another node if there is one, and compared.
  std::uint32_t recheck_ppm = 0;
  std::uint64_t recheck_seed = 0;
  std::size_t rechecks_max = 64;  ///< waiting or running; more are left out
};

/// When a running attempt counts as a straggler, and which results are checked by a second run.
///
/// Second attempts of the slow: J. Dean, L. A. Barroso, "The Tail at Scale", CACM 56(2), 2013. Pure.
class hedging {
 public:
  explicit hedging(const hedging_options& options) : options_(options) {}

  /// How long an attempt may take. `own_ns`: what this very action took before, 0: not known; `rule_ns`: the
  /// quantile of its rule. Nothing where neither is known: then nobody can tell what is slow.
  std::optional<duration> patience(std::uint64_t own_ns, std::optional<std::uint64_t> rule_ns) const;
  /// One more second attempt of `cpu_milli` beside `hedged_milli` of them, where attempts have `all_milli`.
  bool may_add(std::uint64_t cpu_milli, std::uint64_t hedged_milli, std::uint64_t all_milli) const {
    return hedged_milli == 0 || (hedged_milli + cpu_milli) * 1'000 <= all_milli * options_.share_permille;
  }
  /// Drawn from key and seed, so that every coordinator chooses the same ones.
  bool rechecks(const digest& key) const;
  const hedging_options& options() const { return options_; }

 private:
  hedging_options options_;
};

}  // namespace graphite
