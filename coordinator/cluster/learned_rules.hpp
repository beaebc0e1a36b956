#pragma once

#include <array>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "coordinator/cluster/cluster_types.hpp"
#include "core/error.hpp"

namespace graphite {

/// How often values of about the same size were seen, the newest counting most: eight steps to a doubling.
///
/// Pure. 500 bytes. After `counted_max` values all counts are halved. A quantile is right to a tenth; values
/// below 1,024 count as that, above 2^41 as that.
class size_sketch {
 public:
  static constexpr std::uint32_t counted_max = 512;
  void note(std::uint64_t value);
  std::uint32_t counted() const { return counted_; }
  /// The smallest value that at least `share` (0 … 1) of those seen do not exceed, rounded up to a step.
  /// Something has been counted.
  std::uint64_t quantile(double share) const;

  static constexpr std::size_t steps = std::size_t{8} * 31;
  /// For rows: counts of steps, ascending.
  const std::array<std::uint16_t, steps>& counts() const { return counts_; }
  static size_sketch of(const std::array<std::uint16_t, steps>& counts);

 private:
  static std::size_t step_of(std::uint64_t value);
  static std::uint64_t top_of(std::size_t step);
  std::array<std::uint16_t, steps> counts_{};
  std::uint32_t counted_ = 0;
};

struct learned_rules_options {
  std::size_t rules_max = 16'384;
  std::uint32_t samples_min = 5;             ///< fewer say nothing
  std::uint64_t unknown_ns = 1'000'000'000;  ///< what is expected of a rule that nothing is known of
  double slow_share = 0.95;                  ///< what takes longer than so many is slow
};

/// What attempts of each rule took, and so what the next one will take.
///
/// Rules are known by a number that outlives processes (a hash of project, rule and trust domain); inside by
/// a dense one. Pure. note and the questions are O(steps of the sketch), expected_ns is O(1). Bound:
/// rules_max, 1.5 KiB each.
class learned_rules {
 public:
  explicit learned_rules(learned_rules_options options = {}) : options_(options) {}

  /// The dense number; beyond rules_max all further rules share one.
  rule_index intern(std::uint64_t rule);
  std::uint64_t number_of(rule_index rule) const { return rules_[rule].number; }
  std::size_t size() const { return rules_.size(); }

  struct use {
    duration wall{}, cpu{};
    std::uint64_t memory_peak_bytes = 0;  ///< 0: not measured
  };
  void note(rule_index rule, const use& what);

  /// The middle of what was seen, or unknown_ns.
  std::uint64_t expected_ns(rule_index rule) const;
  /// What slow_share of them stay within. Nothing below samples_min.
  std::optional<std::uint64_t> slow_ns(rule_index rule) const;
  /// What nineteen of twenty stay within, rounded up to a step, so that rules have few shapes.
  std::optional<std::uint64_t> memory_bytes(rule_index rule) const;
  /// CPU over wall time of the middle attempt, in whole CPUs, at least one.
  std::optional<std::uint32_t> cpu_milli(rule_index rule) const;

  /// For rows that others write: what is known of one rule.
  struct row {
    std::uint64_t rule = 0;
    size_sketch wall, memory, cpu_milli;
  };
  row row_of(rule_index rule) const;
  void restore(const row& what);
  /// Rules noted since the last call, ascending.
  std::vector<rule_index> take_changed();

 private:
  struct known_rule {
    std::uint64_t number = 0;
    size_sketch wall, memory, cpu_milli;
    std::uint64_t expected_ns = 0, slow_ns = 0;  ///< kept: they are asked for with each attempt
    bool changed = false;
  };
  void expect(known_rule& one) const;

  learned_rules_options options_;
  std::vector<known_rule> rules_;
  std::unordered_map<std::uint64_t, rule_index> numbers_;
};

}  // namespace graphite
