#include <gtest/gtest.h>

#include <algorithm>

#include "tests/coordinator/cluster/cluster_world.hpp"

namespace graphite::test {
namespace {

using names = std::vector<std::string>;

TEST(scheduler_faults, what_kills_three_nodes_is_poison_for_its_tenant) {
  cluster_world w;
  for (const auto* name : {"a", "b", "c", "d"}) w.add_node(name, 2);
  const auto tenant = w.tenant();
  const auto mine = w.job(tenant), other = w.job(w.tenant());
  w.submit(mine, {.id = 1, .takes = seconds(1), .kills = true});
  w.submit(mine, {.id = 1, .takes = seconds(1), .kills = true});
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.ended[1], (std::vector{task_end::poisoned, task_end::poisoned}));
  EXPECT_EQ(w.began[1], 3);
  EXPECT_EQ(*w.dones[0].reason, "taken to kill its nodes: it ran on a, b, c when they died");
  w.submit(mine, {.id = 1, .kills = true});
  EXPECT_EQ(w.ended[1].size(), 3u) << "refused at once";
  task_spec again;
  again.job = other;
  again.key = key_of(1);
  EXPECT_TRUE(w.sched().submit(again, w.now)) << "another tenant's are his own";
  EXPECT_EQ(w.sched().remember().poison.size(), 1u);
  EXPECT_TRUE(w.sched().forgive(tenant, key_of(1)));
  EXPECT_FALSE(w.sched().forgive(tenant, key_of(1)));
  again.job = mine;
  EXPECT_TRUE(w.sched().submit(again, w.now));
}

TEST(scheduler_faults, poison_is_known_after_a_restart) {
  cluster_world w;
  for (const auto* name : {"a", "b", "c"}) w.add_node(name, 2);
  const auto job = w.job(w.tenant());
  w.submit(job, {.id = 1, .kills = true});
  ASSERT_TRUE(w.settle());
  w.restart_coordinator();
  task_spec again;
  again.job = job;
  again.key = key_of(1);
  EXPECT_EQ(w.sched().submit(again, w.now).error().code, errc::action_failed);
}

TEST(scheduler_faults, bystanders_of_what_kills_are_not_taken_for_it) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    cluster_world w;
    w.random.seed(seed);
    for (int i = 0; i < 6; ++i) w.add_node("n" + std::to_string(i), 4);
    const auto job = w.job(w.tenant());
    for (std::uint64_t id = 1; id <= 40; ++id)
      w.submit(job, {.id = id, .takes = milliseconds(500 + w.random() % 2'000), .kills = id == 7});
    for (int i = 0; i < 20; ++i) {
      w.run_for(milliseconds(500));
      for (auto& [name, node] : w.nodes)
        if (!node.alive) w.start(name);
    }
    ASSERT_TRUE(w.settle());
    for (std::uint64_t id = 1; id <= 40; ++id)
      EXPECT_EQ(w.ended[id][0], id == 7 ? task_end::poisoned : task_end::finished)
          << id << " of seed " << seed;
  }
}

TEST(scheduler_faults, a_cut_network_does_not_make_poison) {
  cluster_world w;
  const auto job = w.job(w.tenant());
  for (const auto* name : {"a", "b", "c", "d", "e"}) w.add_node(name, 1);
  w.submit(job, {.id = 1, .takes = seconds(15)});
  for (int i = 0; i < 5; ++i) {
    w.run_for(seconds(1));
    const auto where = w.where(1);
    ASSERT_FALSE(where.empty());
    w.cut(where.back());
    w.run_for(w.options.leases.ttl + seconds(1));
    w.heal(where.back());
  }
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.ended[1], std::vector{task_end::finished});
}

TEST(scheduler_faults, what_is_refused_is_tried_again_later_and_the_node_rests) {
  cluster_world w;
  w.add_node("a", 1);
  const auto job = w.job(w.tenant());
  w.submit(job, {.id = 1, .refused = 2});
  w.submit(job, {.id = 2});
  w.run_for(milliseconds(110));
  EXPECT_TRUE(w.where(2).empty()) << "a has said that its disk is full";
  EXPECT_FALSE(w.status().domains[0].open);
  w.run_for(milliseconds(250));
  EXPECT_EQ(w.began[1], 2);
  w.run_for(milliseconds(100));
  EXPECT_EQ(w.status().delayed, 1u);
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.began[1], 3);
}

TEST(scheduler_faults, another_node_does_what_one_refuses) {
  cluster_world w;
  w.add_node("a", 2);
  w.add_node("b", 2);
  w.submit(w.job(w.tenant()), {.id = 1, .refused = 1});
  w.run_for(milliseconds(110));
  EXPECT_EQ(w.where(1), names{"b"});
  ASSERT_TRUE(w.settle());
}

TEST(scheduler_faults, a_budget_ends) {
  cluster_world w;
  w.add_node("a", 1);
  const auto job = w.job(w.tenant());
  w.submit(job, {.id = 1, .refused = 1'000, .refusal = report_kind::stale_input});
  w.submit(job, {.id = 2, .refused = 1'000});
  w.submit(job, {.id = 3, .refused = 1'000, .refusal = report_kind::lost_input});
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.began[1], 5);
  EXPECT_EQ(w.began[2], 7);
  EXPECT_EQ(w.began[3], 3) << "who wants it makes it again";
  for (const auto& one : w.dones) EXPECT_EQ(one.how, task_end::exhausted);
  const auto stale = std::ranges::find(w.dones, retry_cause::stale_input, &schedule_commands::done::cause);
  ASSERT_NE(stale, w.dones.end());
  EXPECT_EQ(*stale->reason, "given up: its inputs had changed, 5 times");
}

/// Ten quick ones, so that it is known how long the rule takes.
void teach(cluster_world& w, job_index job) {
  for (std::uint64_t id = 1'000; id < 1'010; ++id) w.submit(job, {.id = id, .takes = milliseconds(300)});
  ASSERT_TRUE(w.settle());
}

TEST(scheduler_faults, a_straggler_is_tried_elsewhere_and_the_first_result_counts) {
  cluster_world w;
  w.add_node("a", 2);
  w.add_node("b", 2);
  const auto job = w.job(w.tenant());
  teach(w, job);
  w.nodes["a"].slowness = 20;
  w.submit(job, {.id = 1, .takes = milliseconds(300)});
  w.run_for(milliseconds(590));
  EXPECT_EQ(w.where(1), names{"a"});
  w.run_for(milliseconds(200));
  EXPECT_EQ(w.where(1), (names{"a", "b"}));
  EXPECT_EQ(w.status().hedged, 1u);
  w.run_for(milliseconds(300));
  EXPECT_EQ(w.commits[1], 1);
  EXPECT_EQ(w.where(1), names{"a"}) << "it goes on for comparison";
  w.run_for(seconds(6));
  EXPECT_EQ(w.uses[report_use::compared], 1);
  EXPECT_TRUE(w.differences.empty());
  EXPECT_EQ(w.status().tasks, 0u);
}

TEST(scheduler_faults, one_that_never_ends_is_stopped_after_the_other_has) {
  cluster_world w;
  w.add_node("a", 2);
  w.add_node("b", 2);
  const auto job = w.job(w.tenant());
  teach(w, job);
  w.nodes["a"].slowness = 1e6;
  w.submit(job, {.id = 1, .takes = milliseconds(300)});
  w.run_for(seconds(2) + w.options.hedging.compare_max);
  EXPECT_TRUE(w.where(1).empty());
  EXPECT_EQ(w.status().tasks, 0u);
}

TEST(scheduler_faults, second_attempts_take_a_small_share) {
  cluster_world w;
  w.add_node("a", 20);
  w.add_node("b", 60);
  const auto job = w.job(w.tenant());
  teach(w, job);
  w.nodes["a"].slowness = 100;
  for (std::uint64_t id = 1; id <= 40; ++id) w.submit(job, {.id = id, .takes = milliseconds(300)});
  std::uint64_t most = 0;
  for (int i = 0; i < 100; ++i) {
    w.run_for(milliseconds(10));
    most = std::max(most, w.status().hedged);
  }
  EXPECT_EQ(most, 1u) << "a twentieth of what runs, or one";
  EXPECT_TRUE(w.settle());
}

TEST(scheduler_faults, one_that_goes_on_for_comparison_counts_as_a_second_attempt) {
  cluster_world w;
  w.add_node("a", 4);
  w.add_node("b", 4);
  const auto job = w.job(w.tenant());
  teach(w, job);
  w.nodes["a"].slowness = 1e6;
  for (std::uint64_t id = 1; id <= 2; ++id) w.submit(job, {.id = id, .takes = milliseconds(300)});
  w.run_for(milliseconds(1));
  ASSERT_EQ(w.where(1), names{"a"});
  w.submit(job, {.id = 3, .takes = milliseconds(300)});
  w.run_for(seconds(3));
  EXPECT_EQ(w.commits[1], 1);
  EXPECT_EQ(w.where(1), names{"a"});
  EXPECT_EQ(w.where(3), names{"a"}) << "not tried elsewhere while the first is compared";
  EXPECT_EQ(w.status().hedged, 1u);
  ASSERT_TRUE(w.settle());
  w.run_for(w.options.hedging.compare_max);
  EXPECT_EQ(w.status().tasks, 0u);
  EXPECT_EQ(w.status().hedged, 0u);
}

TEST(scheduler_faults, what_was_sent_ahead_counts_as_begun_when_its_turn_comes) {
  cluster_world w;
  w.add_node("a", 1);
  const auto job = w.job(w.tenant());
  for (std::uint64_t id = 1'000; id < 1'010; ++id) w.submit(job, {.id = id, .takes = milliseconds(2)});
  ASSERT_TRUE(w.settle());
  w.submit(job, {.id = 1, .takes = milliseconds(50)});
  w.submit(job, {.id = 2, .takes = seconds(1'000), .kills = true});
  w.run_for(milliseconds(1));
  ASSERT_EQ(w.where(2), names{"(a)"});
  w.run_for(milliseconds(100));
  w.add_node("b", 1);
  w.run_for(milliseconds(500));
  EXPECT_EQ(w.where(2), (names{"a", "b"})) << "it is slow";
}

TEST(scheduler_faults, what_only_waited_at_a_node_that_died_is_not_blamed) {
  auto options = cluster_world::default_options();
  options.retries.deaths_max = 1;
  cluster_world w(options);
  w.add_node("a", 1);
  const auto job = w.job(w.tenant());
  for (std::uint64_t id = 1'000; id < 1'010; ++id) w.submit(job, {.id = id, .takes = milliseconds(2)});
  ASSERT_TRUE(w.settle());
  for (std::uint64_t id = 1; id <= 3; ++id)
    w.submit(job, {.id = id, .takes = milliseconds(50), .kills = id == 1});
  w.run_for(milliseconds(1));
  ASSERT_EQ(w.where(3), names{"(a)"});
  w.run_for(milliseconds(60));
  w.add_node("b", 1);
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.ended[1], std::vector{task_end::poisoned});
  EXPECT_EQ(w.ended[2], std::vector{task_end::finished});
  EXPECT_EQ(w.ended[3], std::vector{task_end::finished});
}

TEST(scheduler_faults, a_rest_is_that_of_one_start_of_a_node) {
  cluster_world w;
  w.add_node("a", 1);
  w.submit(w.job(w.tenant()), {.id = 1, .takes = milliseconds(10), .refused = 2});
  w.run_for(milliseconds(50));
  ASSERT_FALSE(w.status().domains[0].open);
  w.die("a", true);
  w.run_for(milliseconds(100));
  w.start("a");
  w.run_for(milliseconds(50));
  EXPECT_EQ(w.began[1], 2);
  EXPECT_FALSE(w.status().domains[0].open);
  w.run_for(milliseconds(100));
  EXPECT_FALSE(w.status().domains[0].open) << "the rest of its first start would be over now";
  w.run_for(milliseconds(150));
  EXPECT_TRUE(w.status().domains[0].open);
  EXPECT_TRUE(w.settle());
}

TEST(scheduler_faults, what_waits_to_be_tried_again_can_be_adopted_and_fail_again) {
  cluster_world w;
  w.add_node("a", 1);
  const auto job = w.job(w.tenant());
  w.submit(job, {.id = 1, .takes = seconds(20)});
  w.run_for(milliseconds(100));
  w.cut("a");
  w.run_for(w.options.leases.ttl);
  w.works[1].takes = milliseconds(10);
  w.works[1].refused = 3;
  w.works[1].refusal = report_kind::lost_input;
  w.add_node("b", 1);
  w.run_for(milliseconds(20));
  ASSERT_EQ(w.status().delayed, 1u) << "until 250 ms from here";
  w.heal("a");
  EXPECT_EQ(w.where(1), names{"a"});
  EXPECT_EQ(w.status().delayed, 0u);
  attempt_report said{w.nodes["a"].attempts.front().name, report_kind::lost_input, {}, {}, {}, 0, {}};
  w.nodes["a"].attempts.clear();
  w.nodes["a"].free[0] = free_resources(w.nodes["a"].capacities[0]);
  EXPECT_EQ(w.sched().finished(w.nodes["a"].session, said, w.now), report_use::again);
  w.run_for(milliseconds(400));
  EXPECT_EQ(w.status().delayed, 1u) << "the second time it waits for twice as long";
  EXPECT_EQ(w.began[1], 2);
  EXPECT_TRUE(w.settle());
  EXPECT_EQ(w.status().delayed, 0u);
}

TEST(scheduler_faults, results_that_differ_are_told) {
  auto options = cluster_world::default_options();
  options.hedging.recheck_ppm = 1'000'000;
  cluster_world w(options);
  w.add_node("a", 2);
  w.add_node("b", 2);
  const auto job = w.job(w.tenant());
  w.submit(job, {.id = 1});
  w.submit(job, {.id = 2, .random_result = true});
  ASSERT_TRUE(w.settle());
  w.run_for(seconds(1));
  EXPECT_EQ(w.began[1], 2);
  EXPECT_EQ(w.uses[report_use::compared], 2);
  ASSERT_EQ(w.differences.size(), 1u);
  EXPECT_EQ(w.differences[0].key, key_of(2));
  EXPECT_NE(w.differences[0].first.node, w.differences[0].second.node);
  EXPECT_EQ(w.status().tasks, 0u);
}

TEST(scheduler_faults, with_one_node_results_are_checked_there) {
  auto options = cluster_world::default_options();
  options.hedging.recheck_ppm = 1'000'000;
  options.hedging.rechecks_max = 3;
  cluster_world w(options);
  w.add_node("a", 8);
  const auto job = w.job(w.tenant());
  for (std::uint64_t id = 1; id <= 8; ++id) w.submit(job, {.id = id});
  w.run_for(seconds(1));
  EXPECT_EQ(w.uses[report_use::compared], 3) << "more are left out";
  EXPECT_EQ(w.status().tasks, 0u);
}

}  // namespace
}  // namespace graphite::test
