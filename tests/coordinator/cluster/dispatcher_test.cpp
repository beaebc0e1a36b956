#include <gtest/gtest.h>

#include <set>

#include "tests/coordinator/cluster/dispatch_bench.hpp"

namespace graphite {
namespace {

using test::dispatch_bench;
using test::numbered;
using test::path_of;
using test::recipe_of;

using status = attempt_status;
const error full{errc::out_of_space, "the disk is full"};

/// A job, and a node of `cpus` that has been given the tasks from 1 to `tasks`.
struct busy_bench : dispatch_bench {
  explicit busy_bench(std::uint64_t tasks, std::uint32_t cpus = 4,
                      dispatcher_options options = default_options())
      : dispatch_bench(options) {
    with_job();
    link = join("a", cpus);
    for (std::uint64_t number = 1; number <= tasks; ++number) waiters.push_back(submit(number));
    step();
    given = assigned(link);
  }
  link_id link;
  std::vector<waiter_id> waiters;
  std::vector<control::assignment> given;
};

struct job_bench : dispatch_bench {
  job_bench() { with_job(); }
};

TEST(dispatcher, gives_a_task_with_all_that_its_node_needs) {
  dispatch_bench b;
  b.with_job();
  const auto link = b.join("a");
  auto task = b.task(1);
  task.bodies = {byte_vector(10, std::byte{7})};
  task.trace.value = 9;
  ASSERT_TRUE(b.d.submit(task, b.now));
  b.step();
  const auto welcomes = b.said<control::welcome>(link);
  ASSERT_EQ(welcomes.size(), 1u);
  EXPECT_EQ(welcomes[0].epoch.value, 100u);
  EXPECT_EQ(welcomes[0].lease, b.options.schedule.leases.ttl);
  const auto work = b.said<control::work>(link);
  ASSERT_EQ(work.size(), 1u);
  ASSERT_EQ(work[0].recipes.size(), 1u);
  EXPECT_EQ(work[0].recipes[0].rule, "compile");
  const auto& one = work[0].assignments.at(0);
  EXPECT_EQ(one.recipe, work[0].recipes[0].number);
  EXPECT_EQ(one.attempt.epoch.value, 100u);
  EXPECT_EQ(one.attempt.number.value, 1u);
  EXPECT_EQ(one.key, numbered(1));
  EXPECT_EQ(one.trace.value, 9u);
  EXPECT_EQ(one.main_input, path_of("in1"));
  EXPECT_EQ(one.inputs.size(), 1u);
  EXPECT_EQ(one.bodies, task.bodies);
  EXPECT_EQ(one.outputs, task.outputs);
  ASSERT_EQ(b.came.size(), 1u);
  EXPECT_EQ(b.came[0].name, "a");
  EXPECT_EQ(b.remembers, 1) << "that the node is here outlives this process";
}

TEST(dispatcher, a_result_is_told_and_acknowledged_once_the_disk_has_it) {
  busy_bench b(1);
  const auto began = b.now;
  b.now += milliseconds(5);
  b.say(b.link, 1, {b.end_of(b.given.at(0))});
  b.step();
  ASSERT_EQ(b.batches.size(), 1u);
  const auto batch = b.batches[0];
  ASSERT_EQ(batch->results.size(), 1u);
  const auto& result = *batch->results[0].what;
  EXPECT_FALSE(batch->results[0].unasked);
  EXPECT_EQ(result.key, numbered(1));
  EXPECT_EQ(result.node, "a");
  EXPECT_EQ(result.task->cookie, 1u);
  EXPECT_EQ(*result.rule, "compile");
  EXPECT_EQ(result.assigned, began);
  EXPECT_EQ(result.reported, b.now);
  EXPECT_TRUE(b.dones.empty());
  b.step_at(seconds(1));
  EXPECT_TRUE(b.sent.empty()) << "nothing is acknowledged that may be lost";
  EXPECT_TRUE(b.batches.empty()) << "it was said";
  b.d.committed(batch->number, {}, b.now);
  b.step();
  ASSERT_EQ(b.dones.size(), 1u);
  EXPECT_EQ(b.dones[0].waiter, b.waiters[0]);
  EXPECT_EQ(b.dones[0].cookie, 1u);
  EXPECT_EQ(b.dones[0].how, task_end::finished);
  EXPECT_EQ(b.dones[0].result, batch->results[0].what);
  EXPECT_EQ(b.dones[0].submitted, began);
  EXPECT_EQ(b.dones[0].at, b.now);
  ASSERT_TRUE(b.wake);
  EXPECT_LE(*b.wake, b.now + b.options.acknowledge_within);
  b.step_at(b.options.acknowledge_within);
  EXPECT_EQ(b.acknowledged(b.link), 1u);
  EXPECT_EQ(b.d.count(), (dispatch_counts{1, 1, 0, 1, 0, 0}));
  b.step_at(seconds(1));
  EXPECT_TRUE(b.sent.empty()) << "once";
}

TEST(dispatcher, acknowledges_with_the_work_that_goes_anyway) {
  busy_bench b(1);
  b.say(b.link, 1, {b.end_of(b.given.at(0))});
  b.step();
  b.commit();
  b.submit(2);
  b.step();
  const auto work = b.said<control::work>(b.link);
  ASSERT_EQ(work.size(), 1u);
  EXPECT_EQ(work[0].acknowledged, 1u);
  EXPECT_TRUE(work[0].recipes.empty()) << "the node knows it";
  b.step_at(seconds(1));
  EXPECT_TRUE(b.sent.empty());
}

TEST(dispatcher, acknowledges_no_further_than_all_is_safe) {
  busy_bench b(3);
  ASSERT_EQ(b.given.size(), 3u);
  b.say(b.link, 1, {b.end_of(b.given[0])});
  b.step();
  const auto first = b.batches.at(0);
  b.say(b.link, 2, {b.end_of(b.given[1]), b.end_of(b.given[2], status::cancelled)});
  b.step();
  b.commit();  // the second batch
  b.step_at(seconds(1));
  EXPECT_EQ(b.dones.size(), 1u);
  EXPECT_EQ(b.acknowledged(b.link), 0u) << "the first result is not safe";
  b.d.committed(first->number, {}, b.now);
  b.step_at(seconds(1));
  b.step_at(seconds(1));
  EXPECT_EQ(b.d.status(b.now).nodes.at(0).unacknowledged, 0u);
}

TEST(dispatcher, a_commit_that_fails_is_said_again_and_nothing_is_told_before) {
  busy_bench b(1);
  b.say(b.link, 1, {b.end_of(b.given.at(0))});
  b.step();
  const auto number = b.batches.at(0)->number;
  b.commit(tl::unexpected(full));
  b.step();
  EXPECT_TRUE(b.batches.empty());
  EXPECT_EQ(b.d.status(b.now).commit_trouble, "the disk is full");
  ASSERT_TRUE(b.wake);
  b.step_at(*b.wake - b.now);
  ASSERT_EQ(b.batches.size(), 1u);
  EXPECT_EQ(b.batches[0]->number, number);
  EXPECT_TRUE(b.dones.empty());
  b.commit();
  b.step_at(seconds(1));
  EXPECT_EQ(b.dones.size(), 1u);
  EXPECT_EQ(b.acknowledged(b.link), 1u);
  EXPECT_EQ(b.d.status(b.now).commit_trouble, "");
}

TEST(dispatcher, gives_nothing_out_while_too_much_waits_for_the_disk) {
  auto options = dispatch_bench::default_options();
  options.uncommitted_max = 1;
  busy_bench b(4, 2, options);
  ASSERT_EQ(b.given.size(), 2u);
  b.say(b.link, 1, {b.end_of(b.given[0]), b.end_of(b.given[1])});
  b.step();
  EXPECT_TRUE(b.assigned(b.link).empty()) << "two results wait";
  b.commit();
  b.step();
  EXPECT_EQ(b.assigned(b.link).size(), 2u);
}

TEST(dispatcher, who_asks_while_a_result_waits_for_the_disk_gets_that_one) {
  busy_bench b(1);
  b.say(b.link, 1, {b.end_of(b.given.at(0))});
  b.step();
  auto again = b.task(1);
  again.cookie = 77;
  const auto late = *b.d.submit(again, b.now);
  const auto other = *b.d.submit(again, b.now);
  b.step();
  EXPECT_TRUE(b.assigned(b.link).empty()) << "it is not run again";
  EXPECT_TRUE(b.d.cancel(other));
  EXPECT_FALSE(b.d.cancel(other));
  EXPECT_EQ(b.d.count().held_waiters, 2u);
  b.d.committed(1, {}, b.now);
  b.step();
  ASSERT_EQ(b.dones.size(), 2u);
  EXPECT_EQ(b.dones[0].waiter, b.waiters[0]);
  EXPECT_EQ(b.dones[1].waiter, late);
  EXPECT_EQ(b.dones[1].cookie, 77u);
  EXPECT_EQ(b.dones[1].result, b.dones[0].result);
}

TEST(dispatcher, nothing_is_told_to_who_no_longer_wants_it) {
  busy_bench b(3);
  const auto merged = *b.d.submit(b.task(1), b.now);
  b.say(b.link, 1, {b.end_of(b.given.at(0)), b.end_of(b.given.at(1))});
  EXPECT_TRUE(b.d.cancel(b.waiters[0])) << "its result came, the disk was not even asked";
  b.step();
  EXPECT_EQ(b.batches.at(0)->results.size(), 2u) << "what is there is kept";
  EXPECT_TRUE(b.d.cancel(b.waiters[1])) << "the disk has not answered";
  b.commit();
  EXPECT_TRUE(b.d.cancel(merged)) << "and here it has, but nobody was told";
  EXPECT_FALSE(b.d.cancel(merged));
  b.step();
  EXPECT_TRUE(b.dones.empty());
  EXPECT_EQ(b.d.count().held_waiters, 0u);
}

TEST(dispatcher, a_job_or_old_revisions_are_cancelled_wherever_they_are) {
  busy_bench b(0);
  const auto other = *b.d.open_job(b.tenant);
  std::vector<waiter_id> wanted;
  for (std::uint64_t number = 1; number <= 4; ++number) {
    auto task = b.task(number);
    task.revision = number;
    if (number == 4) task.job = other;
    wanted.push_back(*b.d.submit(task, b.now));
  }
  b.step();
  const auto given = b.assigned(b.link);
  ASSERT_EQ(given.size(), 4u);
  b.say(b.link, 1, {b.end_of(given[0]), b.end_of(given[1]), b.end_of(given[3])});
  b.step();
  b.d.cancel_before(b.job, 2);
  b.commit();
  b.step();
  ASSERT_EQ(b.dones.size(), 2u) << "the first was of an old revision";
  EXPECT_EQ(b.dones[0].waiter, wanted[1]);
  EXPECT_EQ(b.dones[1].waiter, wanted[3]);
  b.d.cancel_job(b.job);
  b.step();
  EXPECT_EQ(b.said<control::work>(b.link).at(0).stops.at(0).attempt, given[2].attempt);
  b.say(b.link, 4, {b.end_of(given[2], status::cancelled)});
  b.step();
  EXPECT_EQ(b.d.count(), (dispatch_counts{1, 1, 0, 1, 0, 0}));
  EXPECT_FALSE(b.d.submit(
      [&] {
        auto t = b.task(9);
        t.job = 55;
        return t;
      }(),
      b.now));
}

TEST(dispatcher, a_task_without_results_ends_with_the_reason) {
  auto options = dispatch_bench::default_options();
  options.schedule.retries.budget[static_cast<std::size_t>(retry_cause::refused)] = 1;
  busy_bench b(1, 4, options);
  std::uint64_t number = 0;
  for (int i = 0; i < 100 && b.dones.empty(); ++i) {
    for (const auto& one : b.given) b.say(b.link, ++number, {b.end_of(one, status::refused)});
    b.d.received(b.link, control::beat{}, b.now);
    b.step_at(milliseconds(500));
    b.given = b.assigned(b.link);
  }
  ASSERT_EQ(b.dones.size(), 1u);
  EXPECT_EQ(b.dones[0].how, task_end::exhausted);
  EXPECT_EQ(b.dones[0].cause, retry_cause::refused);
  EXPECT_FALSE(b.dones[0].result);
  ASSERT_TRUE(b.dones[0].reason);
  EXPECT_EQ(number, 2u) << "so often it was tried";
  EXPECT_EQ(b.d.count().tasks, 0u);
}

TEST(dispatcher, equal_recipes_are_one_for_as_long_as_somebody_uses_them) {
  dispatch_bench b;
  const auto first = *b.d.add_recipe(recipe_of("compile"));
  EXPECT_EQ(*b.d.add_recipe(recipe_of("compile")), first);
  const auto pooled = *b.d.add_recipe(recipe_of("compile"), rule_pool{7, 2});
  EXPECT_NE(pooled, first);
  auto other = recipe_of("compile");
  other.environment = {{"PATH", "/bin"}};
  EXPECT_NE(*b.d.add_recipe(other), first);
  EXPECT_NE(*b.d.add_recipe(recipe_of("compile"), {}, {{"os", "linux"}}), first);
  EXPECT_EQ(b.d.count().recipes, 4u);
  b.d.drop_recipe(first);
  EXPECT_EQ(*b.d.add_recipe(recipe_of("compile")), first) << "it was added twice";
  b.d.drop_recipe(first);
  b.d.drop_recipe(first);
  EXPECT_EQ(b.d.count().recipes, 3u);
  b.with_job();
  EXPECT_NE(b.recipe, first) << "a number is not given out again";
  b.submit(1);
  b.d.drop_recipe(b.recipe);
  EXPECT_EQ(b.d.count().recipes, 4u) << "a task uses it";
  const auto link = b.join("a");
  b.step();
  EXPECT_EQ(b.assigned(link).size(), 1u);
  b.d.cancel_job(b.job);
  b.say(link, 1, {b.end_of(b.assigned(link).at(0))});
  b.step();
  EXPECT_EQ(b.d.count().recipes, 3u);
  EXPECT_EQ(b.d.submit(b.task(2), b.now).error().code, errc::not_found);
}

TEST(dispatcher, recipes_that_cannot_be_are_refused) {
  dispatch_bench b;
  auto none = recipe_of("x");
  none.command = nullptr;
  EXPECT_EQ(b.d.add_recipe(none).error().code, errc::invalid_argument);
  auto large = recipe_of("x");
  for (int i = 0; i < 100; ++i) large.environment["v" + std::to_string(i)] = std::string(10'000, 'x');
  EXPECT_EQ(b.d.add_recipe(large).error().code, errc::too_large);
  auto idle = recipe_of("x");
  idle.needs.cpu_milli = 0;
  EXPECT_EQ(b.d.add_recipe(idle).error().code, errc::invalid_argument);
  auto greedy = recipe_of("x");
  for (int i = 0; i < 5; ++i) greedy.needs.resources.push_back({"r" + std::to_string(i), 1});
  EXPECT_EQ(b.d.add_recipe(greedy).error().code, errc::invalid_argument);
  EXPECT_EQ(b.d.count().recipes, 0u);
}

TEST(dispatcher, tasks_that_no_message_holds_are_refused) {
  dispatch_bench b;
  b.with_job();
  auto many = b.task(1);
  many.bodies.assign(40, byte_vector(inline_bytes_max));
  EXPECT_EQ(b.d.submit(many, b.now).error().code, errc::too_large);
  auto large = b.task(1);
  large.bodies = {byte_vector(inline_bytes_max + 1)};
  EXPECT_EQ(b.d.submit(large, b.now).error().code, errc::too_large);
  auto twice = b.task(1);
  twice.inputs.push_back(twice.inputs[0]);
  EXPECT_EQ(b.d.submit(twice, b.now).error().code, errc::invalid_argument);
  EXPECT_EQ(b.d.count().tasks, 0u);
}

TEST(dispatcher, an_input_that_is_nowhere_is_told_to_who_waits_after_a_few_tries) {
  job_bench b;
  const auto link = b.join("a");
  b.submit(1);
  std::uint64_t number = 0;
  for (; b.dones.empty() && number < 20; b.step_at(seconds(1)))
    for (const auto& one : b.assigned(link))
      b.say(link, ++number, {b.end_of(one, attempt_status::lost_input)});
  EXPECT_EQ(number, 3u);
  ASSERT_EQ(b.dones.size(), 1u);
  EXPECT_EQ(b.dones[0].how, task_end::exhausted);
  EXPECT_EQ(b.dones[0].cause, retry_cause::lost_input);
  EXPECT_EQ(b.dones[0].lost, std::vector{numbered(1'001)});
}

TEST(dispatcher, a_node_that_refuses_is_told_of_once_and_who_waits_hears_why) {
  job_bench b;
  const auto link = b.join("a", 8);
  b.submit(1);
  b.step();
  std::uint64_t number = 0, told = 0;
  for (int i = 0; b.dones.empty() && i < 120; ++i) {
    for (const auto& one : b.assigned(link)) {
      auto end = b.end_of(one, attempt_status::refused);
      end.result.message = "the disk is full";
      b.say(link, ++number, {end});
    }
    b.d.received(link, control::beat{}, b.now);
    b.step_at(seconds(1));
    told += b.refusing.size();
  }
  EXPECT_EQ(number, 7u);
  ASSERT_EQ(b.dones.size(), 1u);
  EXPECT_EQ(*b.dones[0].reason, "given up: nodes refused it, 7 times: the disk is full");
  EXPECT_EQ(told, 1u);
}

TEST(dispatcher, says_what_is_needed_by_what_waits_runs_or_is_not_safe_yet) {
  job_bench b;
  const auto link = b.join("a", 1);
  const auto needed = [&] {
    std::set<digest> out;
    b.d.each_needed([&](const digest& content) { out.insert(content); });
    return out;
  };
  b.submit(1);
  b.submit(2);
  b.step();
  EXPECT_EQ(needed(), (std::set{numbered(1'001), numbered(1'002)}));
  const auto given = b.assigned(link);
  ASSERT_FALSE(given.empty());
  b.say(link, 1, {b.end_of(given[0])});
  b.step();
  EXPECT_TRUE(needed().contains(given[0].key)) << "its output waits for the disk";
  b.commit();
  b.step();
  EXPECT_FALSE(needed().contains(given[0].key)) << "its row names it now";
}

}  // namespace
}  // namespace graphite
