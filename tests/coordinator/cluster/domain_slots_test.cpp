#include "coordinator/cluster/domain_slots.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace graphite {
namespace {

const task_needs one_cpu{.cpu_milli = 1'000}, two_cpus{.cpu_milli = 2'000}, four_cpus{.cpu_milli = 4'000};
constexpr std::uint64_t short_ns = 1'000'000, long_ns = 1'000'000'000;

domain_slots four_slots(domain_slots_options options = {}) { return {{.cpu_milli = 4'000}, options}; }

TEST(domain_slots, starts_what_fits_and_sends_short_ones_ahead) {
  auto slots = four_slots();
  EXPECT_FALSE(slots.may_queue(one_cpu, short_ns)) << "nothing runs whose end would come soon";
  for (std::uint32_t i = 0; i < 4; ++i) slots.start(i, one_cpu, short_ns);
  EXPECT_FALSE(slots.fits(one_cpu));
  EXPECT_FALSE(slots.may_queue(one_cpu, long_ns)) << "for a long one the way does not count";
  for (std::uint32_t i = 4; slots.may_queue(one_cpu, short_ns); ++i) slots.queue(i, one_cpu, short_ns);
  EXPECT_EQ(slots.waiting(), 20u) << "what the four will take five milliseconds for";
  std::vector<domain_slots::attempt> started;
  slots.remove(2, started);
  EXPECT_EQ(started, (std::vector<domain_slots::attempt>{4})) << "the one that waited longest";
  slots.remove(7, started);
  EXPECT_EQ(slots.waiting(), 18u) << "taken back";
  EXPECT_EQ(slots.running(), 4u);
}

TEST(domain_slots, nothing_waits_behind_a_long_one) {
  auto slots = four_slots();
  for (std::uint32_t i = 0; i < 3; ++i) slots.start(i, one_cpu, long_ns);
  EXPECT_FALSE(slots.may_queue(one_cpu, short_ns));
  slots.start(3, one_cpu, short_ns);
  EXPECT_TRUE(slots.may_queue(one_cpu, short_ns));
  EXPECT_FALSE(slots.may_queue(two_cpus, short_ns)) << "only one CPU will be free soon";
}

TEST(domain_slots, a_small_one_does_not_overtake_a_large_one_that_waits) {
  auto slots = four_slots();
  slots.start(0, two_cpus, short_ns);
  slots.start(1, one_cpu, short_ns);
  slots.queue(2, four_cpus, short_ns);
  EXPECT_FALSE(slots.fits(one_cpu)) << "the node would not start it before the large one";
  std::vector<domain_slots::attempt> started;
  slots.remove(0, started);
  EXPECT_TRUE(started.empty());
  slots.remove(1, started);
  EXPECT_EQ(started, (std::vector<domain_slots::attempt>{2}));
  EXPECT_EQ(slots.free().cpu_milli(), 0u);
}

TEST(domain_slots, is_bounded_in_attempts) {
  auto slots = four_slots({.ahead_ns_max = 1'000'000'000, .ahead_max = 3});
  for (std::uint32_t i = 0; i < 4; ++i) slots.start(i, one_cpu, 1);
  for (std::uint32_t i = 4; slots.may_queue(one_cpu, 1); ++i) slots.queue(i, one_cpu, 1);
  EXPECT_EQ(slots.waiting(), 3u);
}

TEST(domain_slots, has_no_more_attempts_than_its_node_takes) {
  domain_slots slots({.cpu_milli = 4'000, .attempts = 3}, {});
  slots.start(0, one_cpu, short_ns);
  slots.start(1, one_cpu, short_ns);
  EXPECT_TRUE(slots.fits(one_cpu));
  slots.start(2, one_cpu, short_ns);
  EXPECT_FALSE(slots.fits(one_cpu)) << "there is a CPU, but no credit";
  EXPECT_FALSE(slots.may_queue(one_cpu, short_ns));
  std::vector<domain_slots::attempt> started;
  slots.remove(1, started);
  EXPECT_TRUE(slots.fits(one_cpu));
}

TEST(domain_slots, never_runs_more_than_there_is_whatever_comes) {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    std::vector<task_needs> shapes;
    for (int i = 0; i < 5; ++i) {
      shapes.push_back(
          {.cpu_milli = static_cast<std::uint32_t>(1 + random() % 4'000), .memory_bytes = random() % 100});
      if (random() % 2 == 0) shapes.back().resources[0] = {1, 1};
    }
    domain_capacity capacity{4'000, 120, {}};
    capacity.resources[1] = 2;
    domain_slots slots(capacity, {});
    std::map<std::uint32_t, const task_needs*> here;
    std::vector<std::uint32_t> running, waiting;
    for (std::uint32_t step = 0; step < 500; ++step) {
      const auto& needs = shapes[random() % shapes.size()];
      const std::uint64_t expected = random() % 3 == 0 ? long_ns : short_ns;
      if (slots.fits(needs)) {
        slots.start(step, needs, expected);
        here[step] = &needs;
        running.push_back(step);
      } else if (slots.may_queue(needs, expected)) {
        slots.queue(step, needs, expected);
        here[step] = &needs;
        waiting.push_back(step);
      }
      if (random() % 2 == 0 && !here.empty()) {
        auto& from = !waiting.empty() && random() % 4 == 0 ? waiting : running;
        if (from.empty()) continue;
        const auto gone = from[random() % from.size()];
        std::erase(from, gone);
        here.erase(gone);
        std::vector<std::uint32_t> started;
        slots.remove(gone, started);
        for (const auto one : started) {
          ASSERT_EQ(waiting.front(), one) << "in the order in which they were sent";
          waiting.erase(waiting.begin());
          running.push_back(one);
        }
      }
      std::uint64_t cpu = 0, memory = 0, named = 0;
      for (const auto one : running) {
        cpu += here[one]->cpu_milli;
        memory += here[one]->memory_bytes;
        named += here[one]->resources[0].count;
      }
      ASSERT_LE(cpu, 4'000u);
      ASSERT_LE(memory, 120u);
      ASSERT_LE(named, 2u);
      ASSERT_EQ(slots.free().cpu_milli(), 4'000 - cpu);
      ASSERT_EQ(slots.running(), running.size());
      ASSERT_EQ(slots.waiting(), waiting.size());
    }
  }
}

}  // namespace
}  // namespace graphite
