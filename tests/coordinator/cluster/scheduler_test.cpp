#include <gtest/gtest.h>

#include "tests/coordinator/cluster/cluster_world.hpp"

namespace graphite::test {
namespace {

using ids = std::vector<std::uint64_t>;
using names = std::vector<std::string>;

TEST(scheduler, runs_what_is_submitted_once_each) {
  cluster_world w;
  w.add_node("a", 2);
  const auto job = w.job(w.tenant());
  for (std::uint64_t id = 1; id <= 10; ++id) w.submit(job, {.id = id});
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.commits.size(), 10u);
  EXPECT_EQ(w.uses[report_use::committed], 10);
  EXPECT_EQ(w.order, (ids{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})) << "equal ones in order of arrival";
  EXPECT_EQ(w.status().tasks, 0u);
  EXPECT_EQ(w.status().waiters, 0u);
}

TEST(scheduler, starts_by_class_then_by_the_longest_chain) {
  cluster_world w;
  const auto job = w.job(w.tenant());
  w.submit(job, {.id = 1, .level = task_class::background, .critical = seconds(9)});
  w.submit(job, {.id = 2, .critical = seconds(2)});
  w.submit(job, {.id = 3, .critical = seconds(3)});
  w.submit(job, {.id = 4, .level = task_class::interactive});
  w.submit(job, {.id = 5, .level = task_class::job_high});
  w.add_node("a", 1);
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.order, (ids{4, 5, 3, 2, 1}));
}

TEST(scheduler, what_has_one_key_is_run_once_for_all_who_wait) {
  cluster_world w;
  const auto mine = w.job(w.tenant()), other = w.job(w.tenant());
  w.submit(mine, {.id = 1, .level = task_class::background});
  w.submit(mine, {.id = 2, .level = task_class::job});
  w.submit(other, {.id = 1, .level = task_class::interactive});
  w.add_node("a", 1);
  w.run_for(milliseconds(10));
  w.submit(mine, {.id = 1});
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.order, (ids{1, 2})) << "as urgent as the most urgent of them";
  EXPECT_EQ(w.ended[1].size(), 3u);
}

TEST(scheduler, one_who_cancels_leaves_the_others) {
  cluster_world w;
  const auto mine = w.job(w.tenant()), other = w.job(w.tenant());
  const auto urgent = w.submit(mine, {.id = 1, .level = task_class::interactive});
  w.submit(other, {.id = 1, .level = task_class::background});
  w.submit(other, {.id = 2, .level = task_class::job});
  EXPECT_TRUE(w.cancel(urgent));
  EXPECT_FALSE(w.cancel(urgent));
  w.add_node("a", 1);
  w.run_for(seconds(1));
  EXPECT_EQ(w.order, (ids{2, 1})) << "it is as urgent as those that are left";
  EXPECT_EQ(w.ended[1].size(), 1u);
}

TEST(scheduler, the_last_one_who_cancels_stops_it_and_its_result_does_not_count) {
  cluster_world w;
  w.latency = milliseconds(5);
  w.add_node("a", 1);
  const auto job = w.job(w.tenant());
  const auto waiting = w.submit(job, {.id = 2});
  const auto only = w.submit(job, {.id = 1, .critical = seconds(1)});
  w.run_for(milliseconds(103));
  ASSERT_EQ(w.order, (ids{1}));
  w.cancel(only);
  w.cancel(waiting);
  w.submit(job, {.id = 1});
  w.run_for(milliseconds(60));
  EXPECT_EQ(w.uses[report_use::dropped], 1) << "it ended before it was told to stop";
  EXPECT_EQ(w.commits[1], 0);
  EXPECT_TRUE(w.settle());
  EXPECT_EQ(w.order, (ids{1, 1})) << "who asked for it afterwards gets a run of his own";
  EXPECT_EQ(w.commits[1], 1);
}

TEST(scheduler, cancels_by_job_tenant_and_revision) {
  cluster_world w;
  const auto first = w.tenant(), second = w.tenant();
  const auto a = w.job(first), b = w.job(first), c = w.job(second);
  w.submit(a, {.id = 1, .revision = 4});
  w.submit(a, {.id = 2, .revision = 5});
  w.submit(b, {.id = 3});
  w.submit(c, {.id = 4});
  w.sched().cancel_before(a, 5);
  EXPECT_EQ(w.status().tasks, 3u);
  w.sched().cancel_job(b);
  EXPECT_EQ(w.status().tasks, 2u);
  w.sched().cancel_tenant(first);
  EXPECT_EQ(w.status().tasks, 1u);
  EXPECT_TRUE(w.sched().close_job(c));
  EXPECT_EQ(w.sched().close_job(c).error().code, errc::not_found);
  EXPECT_EQ(w.status().tasks, 0u);
  task_spec spec;
  spec.job = c;
  EXPECT_EQ(w.sched().submit(spec, w.now).error().code, errc::not_found);
  w.add_node("a", 1);
  w.run_for(seconds(1));
  EXPECT_TRUE(w.order.empty());
}

TEST(scheduler, refuses_beyond_its_bounds) {
  auto options = cluster_world::default_options();
  options.tasks_max = 2;
  options.waiters_max = 3;
  options.jobs_max = options.tenants_max = 1;
  cluster_world w(options);
  const auto job = w.job(w.tenant());
  EXPECT_EQ(w.sched().add_tenant({}).error().code, errc::busy);
  EXPECT_EQ(w.sched().open_job(0).error().code, errc::busy);
  const auto submit = [&](std::uint64_t id) {
    task_spec spec;
    spec.job = job;
    spec.key = key_of(id);
    return w.sched().submit(spec, w.now);
  };
  EXPECT_TRUE(submit(1));
  EXPECT_TRUE(submit(2));
  EXPECT_EQ(submit(3).error().code, errc::busy);
  EXPECT_TRUE(submit(2)) << "another who waits for it";
  EXPECT_EQ(submit(2).error().code, errc::busy);
}

TEST(scheduler, pools_and_quotas_hold_and_others_go_past_them) {
  cluster_world w;
  const auto pool = w.pool(2);
  const auto linking = w.shape({.pool = pool});
  const auto limited = w.tenant({.cpu_milli_max = 3'000});
  const auto job = w.job(limited), other = w.job(w.tenant());
  w.add_node("a", 8);
  for (std::uint64_t id = 1; id <= 6; ++id)
    w.submit(other, {.id = id, .shape = linking, .critical = seconds(9)});
  for (std::uint64_t id = 11; id <= 16; ++id) w.submit(job, {.id = id});
  for (std::uint64_t id = 21; id <= 22; ++id) w.submit(other, {.id = id});
  w.step();
  EXPECT_EQ(w.status().classes[3].running, 7u) << "two of the pool, three of the tenant, two others";
  w.run_for(milliseconds(50));
  EXPECT_EQ(w.order.size(), 7u);
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.order.size(), 14u);
}

TEST(scheduler, named_resources_and_requirements_decide_where) {
  cluster_world w;
  task_needs gpu, linux_only;
  gpu.resources[0] = {0, 1};
  linux_only.requirement = *w.sched().requirement({"tool:cc=2", "prop:os=linux"});
  const auto on_gpu = w.shape(gpu), on_linux = w.shape(linux_only);
  w.nodes["g"].capacities = {{.cpu_milli = 8'000, .resources = {1}}};
  w.nodes["l"].capacities = {{.cpu_milli = 8'000}};
  w.nodes["l"].offers = {"prop:os=linux", "tool:cc=2", "tool:ld=7"};
  w.nodes["g"].offers = {"prop:os=linux", "tool:cc=1"};
  for (const std::string name : {"g", "l"}) {
    w.nodes[name].name = name;
    w.start(name);
  }
  const auto job = w.job(w.tenant());
  for (std::uint64_t id = 1; id <= 3; ++id) w.submit(job, {.id = id, .shape = on_gpu});
  w.submit(job, {.id = 4, .shape = on_linux});
  w.run_for(milliseconds(50));
  EXPECT_EQ(w.where(1), names{"g"});
  EXPECT_EQ(w.where(2), names{}) << "there is one";
  EXPECT_EQ(w.where(4), names{"l"});
  EXPECT_TRUE(w.settle());
}

TEST(scheduler, says_what_fits_no_node) {
  cluster_world w;
  w.add_node("a", 2);
  const auto job = w.job(w.tenant());
  w.submit(job, {.id = 1, .shape = w.shape({.cpu_milli = 3'000})});
  w.submit(job, {.id = 2});
  w.run_for(seconds(1));
  EXPECT_EQ(w.order, (ids{2}));
  EXPECT_EQ(w.status().unplaceable, 1u);
  w.add_node("b", 4);
  EXPECT_TRUE(w.settle());
}

TEST(scheduler, a_large_task_gets_its_place_though_small_ones_keep_coming) {
  cluster_world w;
  w.add_node("a", 4);
  const auto job = w.job(w.tenant());
  std::uint64_t next = 100;
  for (int i = 0; i < 8; ++i) w.submit(job, {.id = next++, .takes = milliseconds(90 + i * 7)});
  w.submit(job, {.id = 1, .shape = w.shape({.cpu_milli = 4'000}), .level = task_class::job_low});
  for (int i = 0; i < 400 && w.commits[1] == 0; ++i) {
    while (w.status().classes[3].waiting < 4)
      w.submit(job, {.id = next++, .takes = milliseconds(90 + next % 8 * 7)});
    w.run_for(milliseconds(50));
  }
  EXPECT_EQ(w.commits[1], 1) << "within reserve_after and what ran then";
  EXPECT_GT(w.order.size(), 100u);
}

TEST(scheduler, tenants_share_though_one_has_much_more) {
  cluster_world w;
  const auto many = w.job(w.tenant()), few = w.job(w.tenant());
  for (std::uint64_t id = 1; id <= 400; ++id) w.submit(many, {.id = id, .critical = seconds(50)});
  for (std::uint64_t id = 1'001; id <= 1'040; ++id) w.submit(few, {.id = id});
  w.add_node("a", 4);
  w.run_for(seconds(2));
  int of_few = 0;
  for (const auto id : w.order) of_few += id > 1'000 ? 1 : 0;
  EXPECT_EQ(w.order.size(), 84u);
  EXPECT_NEAR(of_few, 40, 2);
}

TEST(scheduler, what_takes_longer_than_expected_is_counted_as_it_was) {
  cluster_world w;
  const auto honest = w.job(w.tenant()), other = w.job(w.tenant());
  for (std::uint64_t id = 1; id <= 500; ++id) {
    w.submit(honest, {.id = id, .takes = milliseconds(100), .expected_ns = 100'000'000});
    w.submit(other, {.id = 1'000 + id, .takes = milliseconds(400), .expected_ns = 100'000'000});
  }
  w.add_node("a", 4);
  w.run_for(seconds(10));
  int of_other = 0;
  for (const auto id : w.order) of_other += id > 1'000 ? 1 : 0;
  EXPECT_NEAR(of_other * 4.0 / static_cast<double>(w.order.size() - static_cast<std::size_t>(of_other)), 1,
              0.15);
}

TEST(scheduler, short_ones_are_sent_ahead_once_they_are_known_to_be_short) {
  cluster_world w;
  w.latency = milliseconds(1);
  w.add_node("a", 1);
  const auto job = w.job(w.tenant());
  std::uint64_t next = 1;
  for (int i = 0; i < 300; ++i) w.submit(job, {.id = next++, .takes = microseconds(500)});
  w.run_for(milliseconds(60));
  const auto before = w.order.size();
  EXPECT_GT(w.status().domains[0].ahead, 4u);
  w.run_for(milliseconds(50));
  EXPECT_NEAR(static_cast<double>(w.order.size() - before), 100, 2) << "the way there and back costs nothing";
  EXPECT_TRUE(w.settle());
}

TEST(scheduler, goes_where_the_inputs_are) {
  cluster_world w;
  w.add_node("a", 4);
  w.add_node("b", 4);
  const auto job = w.job(w.tenant());
  const std::vector<content_use> model{{77, 50 * MiB}};
  w.submit(job, {.id = 9});
  w.submit(job, {.id = 1, .inputs = model});
  w.run_for(milliseconds(10));
  ASSERT_EQ(w.where(1), names{"b"});
  for (std::uint64_t id = 2; id <= 4; ++id) w.submit(job, {.id = id, .inputs = model});
  w.run_for(milliseconds(10));
  for (std::uint64_t id = 2; id <= 4; ++id) EXPECT_EQ(w.where(id), names{"b"});
  w.submit(job, {.id = 5, .inputs = model});
  w.run_for(milliseconds(10));
  EXPECT_EQ(w.where(5), names{"a"}) << "no place is left empty for it";
  EXPECT_TRUE(w.settle());
}

TEST(scheduler, tells_how_long_it_will_take_at_least) {
  cluster_world w;
  w.add_node("a", 2);
  const auto job = w.job(w.tenant());
  w.submit(job, {.id = 1, .critical = seconds(30), .expected_ns = 10'000'000'000});
  for (std::uint64_t id = 2; id <= 4; ++id) w.submit(job, {.id = id, .expected_ns = 10'000'000'000});
  w.step();
  EXPECT_EQ(w.status().critical_bound, seconds(30));
  EXPECT_EQ(w.status().work_bound, seconds(20));
  EXPECT_EQ(w.status().estimate(), seconds(30));
  EXPECT_EQ(w.status().classes[3].running, 2u);
  EXPECT_EQ(w.sched().status(w.now + seconds(3)).classes[3].oldest, seconds(3));
  EXPECT_EQ(w.sched().status(w.now + seconds(3)).critical_bound, seconds(27));
}

TEST(scheduler, a_tools_failure_is_a_result) {
  cluster_world w;
  w.add_node("a", 1);
  w.submit(w.job(w.tenant()), {.id = 1, .fails = true});
  ASSERT_TRUE(w.settle());
  EXPECT_EQ(w.began[1], 1);
  EXPECT_EQ(w.ended[1], std::vector{task_end::finished});
}

TEST(scheduler, the_same_events_give_the_same_commands) {
  const auto run = [] {
    cluster_world w;
    w.latency = milliseconds(1);
    for (const auto* name : {"a", "b", "c"}) w.add_node(name, 3, 2);
    const auto job = w.job(w.tenant()), other = w.job(w.tenant());
    for (std::uint64_t id = 1; id <= 300; ++id)
      w.submit(id % 3 == 0 ? job : other,
               {.id = id, .takes = milliseconds(id * 37 % 100), .critical = milliseconds(id * 11 % 50)});
    w.run_for(milliseconds(100));
    w.die("b", true);
    EXPECT_TRUE(w.settle());
    return w.order;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace graphite::test
