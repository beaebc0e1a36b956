#include <gtest/gtest.h>

#include <algorithm>

#include "tests/coordinator/cluster/cluster_world.hpp"

namespace graphite::test {
namespace {

using names = std::vector<std::string>;

TEST(scheduler_nodes, what_ran_on_a_lost_node_runs_elsewhere) {
  for (const bool told : {true, false}) {
    cluster_world w;
    w.add_node("a", 2);
    const auto job = w.job(w.tenant());
    for (std::uint64_t id = 1; id <= 2; ++id) w.submit(job, {.id = id, .takes = seconds(1)});
    w.run_for(milliseconds(100));
    w.add_node("b", 2);
    w.die("a", told);
    w.run_for(milliseconds(10));
    EXPECT_EQ(w.where(1), told ? names{"b"} : names{}) << "it is not known yet";
    ASSERT_TRUE(w.settle());
    EXPECT_EQ(w.lost, names{"a"});
    EXPECT_EQ(w.began[1], 2);
    EXPECT_LE(w.now, time_from_ns(1'000'000'000'000) + w.options.leases.ttl + seconds(3));
  }
}

TEST(scheduler_nodes, a_node_restarted_in_place_loses_its_attempts_at_once) {
  cluster_world w;
  w.add_node("a", 1);
  w.submit(w.job(w.tenant()), {.id = 1, .takes = seconds(1)});
  w.run_for(milliseconds(100));
  w.die("a", false);
  w.start("a");
  w.run_for(milliseconds(1));
  EXPECT_EQ(w.where(1), names{"a"});
  EXPECT_EQ(w.began[1], 2);
  ASSERT_TRUE(w.settle());
}

TEST(scheduler_nodes, one_that_returns_after_its_lease_is_fenced) {
  cluster_world w;
  w.add_node("a", 1);
  w.submit(w.job(w.tenant()), {.id = 1, .takes = seconds(2)});
  w.run_for(milliseconds(100));
  w.cut("a");
  w.add_node("b", 1);
  w.run_for(w.options.leases.ttl + milliseconds(500));
  EXPECT_EQ(w.where(1), names{"b"});
  EXPECT_EQ(w.commits[1], 0) << "what a says is not heard";
  w.heal("a");
  EXPECT_EQ(w.uses[report_use::fenced], 1) << "its result is of a session that was lost";
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.commits[1], 1);
}

TEST(scheduler_nodes, one_that_returns_in_time_loses_nothing) {
  cluster_world w;
  w.add_node("a", 1);
  w.submit(w.job(w.tenant()), {.id = 1, .takes = seconds(2)});
  w.run_for(milliseconds(100));
  w.cut("a");
  w.run_for(seconds(2));
  w.heal("a");
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.began[1], 1);
  EXPECT_TRUE(w.lost.empty());
}

TEST(scheduler_nodes,
     what_still_runs_on_one_that_returns_late_is_adopted_where_it_waits_and_stopped_where_it_runs) {
  cluster_world w;
  w.add_node("a", 2);
  const auto job = w.job(w.tenant());
  w.submit(job, {.id = 1, .takes = seconds(20)});
  w.submit(job, {.id = 2, .takes = seconds(20)});
  w.run_for(milliseconds(100));
  w.cut("a");
  w.run_for(w.options.leases.ttl);
  w.add_node("b", 1);
  w.run_for(milliseconds(1));
  ASSERT_EQ(w.where(1), (names{"a", "b"}));
  w.heal("a");
  EXPECT_EQ(w.where(1), names{"b"}) << "stopped";
  EXPECT_EQ(w.where(2), names{"a"}) << "it goes on";
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.began[2], 1);
  EXPECT_EQ(w.began[1], 2);
}

TEST(scheduler_nodes, reports_that_are_made_up_or_said_twice_are_refused) {
  cluster_world w;
  auto& a = w.add_node("a", 2);
  w.add_node("b", 2);
  w.submit(w.job(w.tenant()), {.id = 1});
  w.run_for(milliseconds(1));
  const auto name = a.attempts.front().name;
  attempt_report said{name, report_kind::succeeded, {}, {}, {}, 0, {}};
  const auto use = [&](node_session session, auto change) {
    auto other = said;
    change(other.attempt);
    return w.sched().finished(session, other, w.now);
  };
  const auto nothing = [](attempt_key&) {};
  EXPECT_EQ(use(w.nodes["b"].session, nothing), report_use::fenced) << "another node's";
  EXPECT_EQ(use({}, nothing), report_use::fenced);
  EXPECT_EQ(use(a.session, [](attempt_key& key) { --key.epoch.value; }), report_use::fenced);
  EXPECT_EQ(use(a.session, [](attempt_key& key) { ++key.epoch.value; }), report_use::fenced);
  EXPECT_EQ(use(a.session, [](attempt_key& key) { ++key.number.value; }), report_use::fenced);
  EXPECT_EQ(use(a.session, [](attempt_key& key) { key.number.value = 0; }), report_use::fenced);
  EXPECT_EQ(use(a.session, [](attempt_key& key) { key.task.value += std::uint64_t{2} << 32; }),
            report_use::fenced);
  EXPECT_EQ(use(a.session, [](attempt_key& key) { key.task.value += 1; }), report_use::fenced);
  EXPECT_EQ(use(a.session, nothing), report_use::committed);
  EXPECT_EQ(use(a.session, nothing), report_use::fenced) << "a second time";
}

TEST(scheduler_nodes, a_coordinator_that_is_not_the_last_one_gives_and_takes_nothing) {
  cluster_world w;
  auto& a = w.add_node("a", 1);
  w.submit(w.job(w.tenant()), {.id = 1});
  w.submit(0, {.id = 2});
  w.run_for(milliseconds(1));
  auto& b = w.nodes["b"];
  b.name = "b";
  b.epoch = epoch_number{w.options.epoch.value + 1};
  b.capacities = {{.cpu_milli = 1'000}};
  w.start("b");
  EXPECT_FALSE(b.greeted);
  EXPECT_TRUE(w.deposed);
  EXPECT_TRUE(w.status().deposed);
  w.run_for(seconds(1));
  EXPECT_EQ(w.commits[1], 0);
  EXPECT_EQ(w.uses[report_use::fenced], 1);
  EXPECT_TRUE(w.where(2).empty());
  EXPECT_TRUE(a.alive);
}

TEST(scheduler_nodes, a_cordoned_one_ends_what_it_has_and_gets_no_more) {
  cluster_world w;
  w.add_node("a", 1);
  const auto job = w.job(w.tenant());
  w.submit(job, {.id = 1});
  w.submit(job, {.id = 2});
  w.run_for(milliseconds(10));
  const auto never = w.now + seconds(1'000);
  ASSERT_TRUE(w.sched().set_service("a", lease_table::service::cordoned, never, w.now));
  w.run_for(seconds(1));
  EXPECT_EQ(w.commits[1], 1);
  EXPECT_TRUE(w.where(2).empty());
  EXPECT_FALSE(w.status().domains[0].open);
  w.die("a", true);
  w.start("a");
  w.run_for(seconds(1));
  EXPECT_TRUE(w.where(2).empty()) << "it holds for its next start, too";
  ASSERT_TRUE(w.sched().set_service("a", lease_table::service::in, never, w.now));
  EXPECT_TRUE(w.settle());
}

TEST(scheduler_nodes, a_drained_one_hands_back_what_waits_and_after_the_deadline_all) {
  cluster_world w;
  w.add_node("a", 1);
  const auto job = w.job(w.tenant());
  for (int i = 0; i < 20; ++i)
    w.submit(job, {.id = 100u + static_cast<std::uint64_t>(i), .takes = milliseconds(1)});
  ASSERT_TRUE(w.settle());
  w.submit(job, {.id = 1, .takes = seconds(10)});
  w.submit(job, {.id = 2, .takes = seconds(10)});
  w.run_for(milliseconds(1));
  ASSERT_EQ(w.where(1), names{"a"});
  ASSERT_EQ(w.where(2), names{"(a)"});
  w.add_node("b", 2);
  const auto deadline = w.now + seconds(3);
  ASSERT_TRUE(w.sched().set_service("a", lease_table::service::draining, deadline, w.now));
  w.run_for(milliseconds(1));
  EXPECT_EQ(w.where(2), names{"b"});
  EXPECT_EQ(w.where(1), names{"a"});
  EXPECT_TRUE(w.drained.empty());
  w.run_until(deadline + milliseconds(1));
  EXPECT_EQ(w.where(1), names{"b"});
  EXPECT_EQ(w.drained, names{"a"});
  EXPECT_TRUE(w.settle());
  EXPECT_EQ(w.drained.size(), 1u) << "told once";
}

TEST(scheduler_nodes, one_that_leaves_in_good_order_blames_nobody) {
  cluster_world w;
  const auto job = w.job(w.tenant());
  w.submit(job, {.id = 1, .takes = seconds(60)});
  for (int i = 0; i < 20; ++i) {
    const auto name = "n" + std::to_string(i);
    w.add_node(name, 1);
    w.run_for(milliseconds(100));
    ASSERT_EQ(w.where(1), names{name});
    w.sched().leaving(w.nodes[name].session, w.now + milliseconds(i % 2 == 0 ? 0 : 10'000), w.now);
    w.run_for(milliseconds(100));
    w.die(name, true);
  }
  w.add_node("last", 1);
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.ended[1], std::vector{task_end::finished});
}

TEST(scheduler_nodes, after_a_restart_running_attempts_are_adopted_and_not_repeated) {
  cluster_world w;
  w.add_node("a", 2);
  w.add_node("b", 2);
  const auto job = w.job(w.tenant());
  for (std::uint64_t id = 1; id <= 8; ++id) w.submit(job, {.id = id, .takes = seconds(4)});
  w.run_for(seconds(1));
  w.restart_coordinator();
  w.submit_again();
  w.run_for(milliseconds(100));
  EXPECT_TRUE(w.status().in_grace) << "nodes that may run something have not come back";
  EXPECT_EQ(w.order.size(), 4u);
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.order.size(), 8u) << "none was begun twice";
  EXPECT_EQ(w.uses[report_use::fenced], 0);
}

TEST(scheduler_nodes, a_node_that_does_not_come_back_after_a_restart_is_not_waited_for_long) {
  cluster_world w;
  w.add_node("a", 2);
  w.add_node("b", 2);
  const auto job = w.job(w.tenant());
  for (std::uint64_t id = 1; id <= 4; ++id) w.submit(job, {.id = id, .takes = seconds(10)});
  w.run_for(seconds(1));
  w.die("b", false);
  w.restart_coordinator();
  w.submit_again();
  w.run_for(w.options.grace + milliseconds(1));
  EXPECT_FALSE(w.status().in_grace);
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.order.size(), 6u);
}

TEST(scheduler_nodes, what_nobody_asks_for_after_a_restart_goes_on_for_a_while) {
  cluster_world w;
  w.add_node("a", 3);
  const auto job = w.job(w.tenant());
  w.submit(job, {.id = 1, .takes = seconds(10)});
  w.submit(job, {.id = 2, .takes = seconds(20)});
  w.submit(job, {.id = 3, .takes = seconds(500)});
  w.run_for(seconds(1));
  w.restart_coordinator();
  w.run_for(seconds(12));
  EXPECT_EQ(w.uses[report_use::unasked], 1);
  EXPECT_EQ(w.commits[1], 1);
  w.submit(job, {.id = 2, .takes = seconds(20)});
  w.step();
  w.run_for(seconds(10));
  EXPECT_EQ(w.commits[2], 1);
  EXPECT_EQ(w.began[2], 1) << "who asks late still gets it";
  EXPECT_EQ(w.where(3), names{"a"});
  w.run_for(w.options.orphan_patience);
  EXPECT_TRUE(w.where(3).empty());
  EXPECT_EQ(w.status().tasks, 0u);
}

TEST(scheduler_nodes, no_second_attempt_is_made_of_what_nobody_has_asked_for) {
  cluster_world w;
  w.add_node("a", 2);
  w.add_node("b", 2);
  const auto job = w.job(w.tenant());
  w.submit(job, {.id = 1, .takes = seconds(20)});
  w.run_for(seconds(1));
  w.restart_coordinator();
  // Its rule is known to be quick: this one is a straggler.
  for (int i = 0; i < 20; ++i)
    w.sched().rules().note(w.sched().rule(1), {milliseconds(10), milliseconds(10), 0});
  w.run_for(seconds(10));
  EXPECT_EQ(w.began[1], 1) << "and nobody knows what it is";
  w.submit(job, {.id = 1, .takes = seconds(20)});
  w.run_for(seconds(1));
  EXPECT_EQ(w.began[1], 2) << "somebody has asked";
  EXPECT_TRUE(w.settle());
}

/// A hello of one that says it runs `id`, started in `epoch`.
node_hello running(const std::string& name, std::uint64_t id, epoch_number epoch) {
  node_hello out{name, {}, epoch, {{.cpu_milli = 4'000}}, {}};
  out.incarnation.value.bytes[0] = static_cast<std::uint8_t>(name.front());
  out.running.push_back(
      {{epoch, task_id{std::uint64_t{1} << 32}, attempt_number{1}}, key_of(id), 0, {}, {}, 1, {}});
  return out;
}

TEST(scheduler_nodes, of_two_that_run_the_same_after_a_restart_one_is_stopped) {
  cluster_world w;
  for (const auto* name : {"a", "b", "c"}) w.add_node(name, 1);
  for (const auto* name : {"a", "b", "c"}) w.nodes[name].reachable = false;
  const auto before = w.options.epoch;
  w.restart_coordinator();
  const auto first = w.sched().hello(running("a", 1, before), w.now);
  const auto second = w.sched().hello(running("b", 1, before), w.now);
  ASSERT_TRUE(first->running[0].now);
  EXPECT_FALSE(second->running[0].now);
  const attempt_report said{*first->running[0].now, report_kind::succeeded, {}, {}, {}, 0, {}};
  EXPECT_EQ(w.sched().finished(first->session, said, w.now), report_use::unasked);
  ASSERT_TRUE(w.status().in_grace);
  const auto third = w.sched().hello(running("c", 1, before), w.now);
  EXPECT_FALSE(third->running[0].now) << "there is a result already";
}

TEST(scheduler_nodes, what_this_reign_has_dropped_is_no_orphan) {
  cluster_world w;
  for (const auto* name : {"a", "b"}) w.add_node(name, 1);
  for (const auto* name : {"a", "b"}) w.nodes[name].reachable = false;
  w.restart_coordinator();
  EXPECT_FALSE(w.sched().hello(running("a", 1, w.options.epoch), w.now)->running[0].now);
  ASSERT_TRUE(w.status().in_grace);
}

TEST(scheduler_nodes, refuses_hellos_without_sense) {
  cluster_world w;
  node_hello hello{"a", {}, {}, {}, {}};
  EXPECT_EQ(w.sched().hello(hello, w.now).error().code, errc::invalid_argument) << "no domain";
  hello.domains = {{.cpu_milli = 0}};
  EXPECT_EQ(w.sched().hello(hello, w.now).error().code, errc::invalid_argument);
  hello.domains.assign(w.options.domains_of_node_max + 1, {.cpu_milli = 1'000});
  EXPECT_EQ(w.sched().hello(hello, w.now).error().code, errc::invalid_argument);
  hello.domains = {{.cpu_milli = 1'000}};
  running_attempt made_up;
  made_up.key = key_of(1);
  made_up.domain = 7;
  hello.running = {made_up};
  const auto welcome = w.sched().hello(hello, w.now);
  ASSERT_TRUE(welcome);
  EXPECT_FALSE(welcome->running[0].now);
}

}  // namespace
}  // namespace graphite::test
