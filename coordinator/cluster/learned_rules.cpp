#include "coordinator/cluster/learned_rules.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace graphite {

namespace {
constexpr int bits_below = 10;  // values below 2^10 are one step
constexpr int steps_bits = 3;
}  // namespace

std::size_t size_sketch::step_of(std::uint64_t value) {
  if (value < (1u << bits_below)) return 0;
  const auto octave = std::bit_width(value) - 1;
  const auto part = value >> (octave - steps_bits) & ((1u << steps_bits) - 1);
  return std::min<std::size_t>(static_cast<std::size_t>(octave - bits_below) << steps_bits | part, steps - 1);
}

/// The greatest value of a step.
std::uint64_t size_sketch::top_of(std::size_t step) {
  const auto octave = static_cast<int>(step >> steps_bits) + bits_below;
  const auto part = (step & ((1u << steps_bits) - 1)) + 1;
  return (std::uint64_t{1} << octave) + (part << (octave - steps_bits)) - 1;
}

void size_sketch::note(std::uint64_t value) {
  ++counts_[step_of(value)];
  if (++counted_ <= counted_max) return;
  counted_ = 0;
  for (auto& count : counts_) counted_ += (count /= 2);
}

std::uint64_t size_sketch::quantile(double share) const {
  GRAPHITE_INVARIANT(counted_ > 0 && share >= 0 && share <= 1);
  const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * counted_)));
  std::uint64_t seen = 0;
  for (std::size_t step = 0; step < steps; ++step)
    if ((seen += counts_[step]) >= wanted) return top_of(step);
  return top_of(steps - 1);
}

size_sketch size_sketch::of(const std::array<std::uint16_t, steps>& counts) {
  size_sketch out;
  out.counts_ = counts;
  const auto sum = [&] { return std::accumulate(out.counts_.begin(), out.counts_.end(), std::uint64_t{0}); };
  while (sum() > counted_max)
    for (auto& count : out.counts_) count /= 2;
  out.counted_ = static_cast<std::uint32_t>(sum());
  return out;
}

rule_index learned_rules::intern(std::uint64_t rule) {
  if (const auto known = numbers_.find(rule); known != numbers_.end()) return known->second;
  if (rules_.size() >= options_.rules_max) return static_cast<rule_index>(rules_.size() - 1);
  const auto made = static_cast<rule_index>(rules_.size());
  rules_.push_back({rule, {}, {}, {}, options_.unknown_ns, 0, false});
  numbers_.emplace(rule, made);
  return made;
}

void learned_rules::expect(known_rule& one) const {
  const bool any = one.wall.counted() > 0;
  one.expected_ns = any ? one.wall.quantile(0.5) : options_.unknown_ns;
  one.slow_ns = any ? one.wall.quantile(options_.slow_share) : 0;
}

void learned_rules::note(rule_index rule, const use& what) {
  auto& one = rules_[rule];
  const auto wall = std::max<std::int64_t>(what.wall.count(), 0),
             cpu = std::max<std::int64_t>(what.cpu.count(), 0);
  one.wall.note(static_cast<std::uint64_t>(wall));
  if (what.memory_peak_bytes > 0) one.memory.note(what.memory_peak_bytes);
  if (cpu > 0 && wall > 0)
    one.cpu_milli.note(
        static_cast<std::uint64_t>(1'000 * (static_cast<double>(cpu) / static_cast<double>(wall))));
  one.changed = true;
  // One value among many moves the middle little.
  if (one.wall.counted() < 64 || one.wall.counted() % 8 == 0) expect(one);
}

std::uint64_t learned_rules::expected_ns(rule_index rule) const { return rules_[rule].expected_ns; }

std::optional<std::uint64_t> learned_rules::slow_ns(rule_index rule) const {
  const auto& one = rules_[rule];
  if (one.wall.counted() < options_.samples_min) return std::nullopt;
  return one.slow_ns;
}

std::optional<std::uint64_t> learned_rules::memory_bytes(rule_index rule) const {
  const auto& seen = rules_[rule].memory;
  if (seen.counted() < options_.samples_min) return std::nullopt;
  return seen.quantile(0.95) + 1;
}

std::optional<std::uint32_t> learned_rules::cpu_milli(rule_index rule) const {
  const auto& seen = rules_[rule].cpu_milli;
  if (seen.counted() < options_.samples_min) return std::nullopt;
  // A step is an eighth wide: one CPU kept busy may show as a little more.
  const auto cpus = (std::max<std::uint64_t>(seen.quantile(0.5), 1'000) - 1'000 + 700) / 1'000 + 1;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(cpus, 1'000) * 1'000);
}

learned_rules::row learned_rules::row_of(rule_index rule) const {
  const auto& one = rules_[rule];
  return {one.number, one.wall, one.memory, one.cpu_milli};
}

void learned_rules::restore(const row& what) {
  if (numbers_.count(what.rule) == 0 && rules_.size() >= options_.rules_max) return;
  auto& one = rules_[intern(what.rule)];
  one.wall = what.wall;
  one.memory = what.memory;
  one.cpu_milli = what.cpu_milli;
  expect(one);
}

std::vector<rule_index> learned_rules::take_changed() {
  std::vector<rule_index> out;
  for (rule_index rule = 0; rule < rules_.size(); ++rule)
    if (std::exchange(rules_[rule].changed, false)) out.push_back(rule);
  return out;
}

}  // namespace graphite
