#include "coordinator/cluster/learned_rules.hpp"

#include <gtest/gtest.h>

#include <random>

namespace graphite {
namespace {

TEST(size_sketch, tells_quantiles_to_a_tenth) {
  std::mt19937_64 random(1);
  size_sketch sketch;
  std::vector<std::uint64_t> seen;
  for (int i = 0; i < 500; ++i) {
    seen.push_back(10'000'000 + random() % 1'000'000'000);
    sketch.note(seen.back());
  }
  std::sort(seen.begin(), seen.end());
  for (const double share : {0.01, 0.5, 0.95, 1.0}) {
    const auto exact =
        static_cast<double>(seen[std::max<std::size_t>(1, static_cast<std::size_t>(share * 500)) - 1]);
    EXPECT_GE(static_cast<double>(sketch.quantile(share)), exact);
    EXPECT_LE(static_cast<double>(sketch.quantile(share)), exact * 1.13);
  }
}

TEST(size_sketch, takes_any_value) {
  for (const auto value :
       {std::uint64_t{0}, std::uint64_t{1'023}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    size_sketch sketch;
    sketch.note(value);
    EXPECT_GE(sketch.quantile(0.5), std::min(value, std::uint64_t{1} << 40));
  }
}

TEST(size_sketch, forgets_what_was_long_ago) {
  size_sketch sketch;
  for (int i = 0; i < 5'000; ++i) sketch.note(1'000'000);
  EXPECT_LE(sketch.counted(), size_sketch::counted_max);
  for (int i = 0; i < 600; ++i) sketch.note(64'000'000);
  EXPECT_GE(sketch.quantile(0.5), 60'000'000u);
}

TEST(learned_rules, expects_the_middle_and_says_nothing_of_few) {
  learned_rules rules;
  const auto rule = rules.intern(77), other = rules.intern(78);
  EXPECT_EQ(rules.intern(77), rule);
  EXPECT_EQ(rules.expected_ns(rule), learned_rules_options{}.unknown_ns);
  for (int i = 0; i < 4; ++i) rules.note(rule, {milliseconds(100), milliseconds(100), 3 * MiB});
  EXPECT_FALSE(rules.slow_ns(rule));
  for (int i = 0; i < 16; ++i)
    rules.note(rule, {milliseconds(i < 2 ? 900 : 100), milliseconds(100), 3 * MiB});
  EXPECT_NEAR(static_cast<double>(rules.expected_ns(rule)), 1e8, 1.3e7);
  EXPECT_NEAR(static_cast<double>(*rules.slow_ns(rule)), 9e8, 1e8);
  EXPECT_GE(*rules.memory_bytes(rule), 3 * MiB);
  EXPECT_LE(*rules.memory_bytes(rule), 4 * MiB);
  EXPECT_EQ(rules.expected_ns(other), learned_rules_options{}.unknown_ns);
}

TEST(learned_rules, tells_whole_cpus) {
  learned_rules rules;
  const auto of = [&](std::uint64_t number, int cpu_ms) {
    const auto rule = rules.intern(number);
    for (int i = 0; i < 10; ++i) rules.note(rule, {milliseconds(100), milliseconds(cpu_ms), 0});
    return *rules.cpu_milli(rule);
  };
  EXPECT_EQ(of(1, 3), 1'000u);
  EXPECT_EQ(of(2, 104), 1'000u);
  EXPECT_EQ(of(3, 195), 2'000u);
  EXPECT_EQ(of(4, 780), 8'000u);
  EXPECT_FALSE(rules.memory_bytes(rules.intern(1))) << "never measured";
}

TEST(learned_rules, a_row_brings_all_of_it_back) {
  learned_rules rules;
  const auto rule = rules.intern(5);
  for (int i = 0; i < 30; ++i) rules.note(rule, {milliseconds(10 + i), milliseconds(40), 5 * MiB});
  EXPECT_EQ(rules.take_changed(), (std::vector<rule_index>{rule}));
  EXPECT_TRUE(rules.take_changed().empty());
  learned_rules again;
  again.intern(99);
  auto row = rules.row_of(rule);
  row.wall = size_sketch::of(row.wall.counts());
  again.restore(row);
  const auto restored = again.intern(5);
  EXPECT_EQ(again.number_of(restored), 5u);
  EXPECT_EQ(again.expected_ns(restored), rules.expected_ns(rule));
  EXPECT_EQ(again.slow_ns(restored), rules.slow_ns(rule));
  EXPECT_EQ(again.memory_bytes(restored), rules.memory_bytes(rule));
  EXPECT_EQ(again.cpu_milli(restored), rules.cpu_milli(rule));
}

TEST(learned_rules, counts_beyond_the_bound_of_a_damaged_row_are_brought_within_it) {
  std::array<std::uint16_t, size_sketch::steps> counts{};
  counts.fill(0xffff);
  EXPECT_LE(size_sketch::of(counts).counted(), size_sketch::counted_max);
}

TEST(learned_rules, beyond_the_bound_rules_share_one) {
  learned_rules rules({.rules_max = 2});
  rules.intern(1);
  const auto last = rules.intern(2);
  EXPECT_EQ(rules.intern(3), last);
  rules.restore({.rule = 4, .wall = {}, .memory = {}, .cpu_milli = {}});
  EXPECT_EQ(rules.size(), 2u);
}

}  // namespace
}  // namespace graphite
