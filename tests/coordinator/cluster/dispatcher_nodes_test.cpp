#include <gtest/gtest.h>

#include "tests/coordinator/cluster/dispatch_bench.hpp"

namespace graphite {
namespace {

using test::dispatch_bench;
using test::numbered;
using test::recipe_of;

using service = lease_table::service;
using status = attempt_status;

struct ready_bench : dispatch_bench {
  explicit ready_bench(dispatcher_options options = default_options()) : dispatch_bench(options) {
    with_job();
  }
};

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(dispatcher_nodes, of_another_protocol_are_told_which) {
  dispatch_bench b;
  auto newer = b.joining(), older = b.joining();
  newer.protocol = control_limits::protocol + 1;
  older.protocol = control_limits::protocol - 1;
  const auto first = b.join("a", newer), second = b.join("b", older);
  b.step();
  EXPECT_TRUE(mentions(b.refused(first), "protocol 2")) << b.refused(first);
  EXPECT_TRUE(mentions(b.refused(first), "upgrade the coordinator"));
  EXPECT_TRUE(mentions(b.refused(second), "upgrade the node"));
  EXPECT_EQ(b.hung_up[0].why.code, errc::newer_version);
  EXPECT_EQ(b.d.count(), dispatch_counts{});
}

TEST(dispatcher_nodes, that_break_the_protocol_are_hung_up_and_told_why) {
  ready_bench b;
  std::map<std::string, link_id> links;
  links["twice"] = b.join("twice");
  b.d.received(links["twice"], b.joining(), b.now);
  b.d.connected(links["early"] = link_id{50}, "early", b.now);
  b.say(links["early"], 1, {});
  b.d.connected(links["beats"] = link_id{51}, "beats", b.now);
  b.d.received(links["beats"], control::beat{}, b.now);
  links["gap"] = b.join("gap");
  b.say(links["gap"], 2, {control::attempt_end{}});
  auto elsewhere = b.joining();
  elsewhere.running = {{{{99}, {1}, {1}}, numbered(1), 1, {}, 1, {}}};
  links["elsewhere"] = b.join("elsewhere", elsewhere);
  auto nowhere = b.joining();
  nowhere.domains.clear();
  links["nowhere"] = b.join("nowhere", nowhere);
  b.step();
  EXPECT_TRUE(mentions(b.refused(links["twice"]), "joined already"));
  EXPECT_TRUE(mentions(b.refused(links["early"]), "before it had joined"));
  EXPECT_TRUE(mentions(b.refused(links["beats"]), "before it had joined"));
  EXPECT_TRUE(mentions(b.refused(links["gap"]), "results come from 2 on, but the next one is 1"));
  EXPECT_TRUE(mentions(b.refused(links["elsewhere"]), "domain 1 of 1"));
  EXPECT_TRUE(mentions(b.refused(links["nowhere"]), "no domains"));
  EXPECT_EQ(b.d.count().links, 0u);
  EXPECT_EQ(b.d.count().sessions, 0u);
  b.say(links["gap"], 1, {});
  b.d.disconnected(links["gap"], b.now);
  b.step();
  EXPECT_TRUE(b.sent.empty()) << "nothing more is said of it";
}

TEST(dispatcher_nodes, that_never_join_are_hung_up) {
  dispatch_bench b;
  b.d.connected(link_id{1}, "a", b.now);
  b.step();
  ASSERT_TRUE(b.wake);
  EXPECT_EQ(*b.wake, b.now + b.options.join_within);
  b.step_at(b.options.join_within);
  EXPECT_TRUE(mentions(b.refused(link_id{1}), "has not joined"));
}

TEST(dispatcher_nodes, a_newer_session_of_a_node_ends_the_older) {
  ready_bench b;
  const auto old = b.join("a");
  b.submit(1);
  b.step();
  const auto given = b.assigned(old).at(0);
  auto again = b.joining();
  again.incarnation.value.bytes.fill(2);
  const auto link = b.join("a", again);
  b.say(old, 1, {b.end_of(given)});
  b.step();
  EXPECT_TRUE(mentions(b.refused(old), "another session"));
  ASSERT_EQ(b.lost.size(), 1u);
  EXPECT_TRUE(b.batches.empty()) << "the result of a session that is over";
  ASSERT_EQ(b.assigned(link).size(), 1u);
  EXPECT_EQ(b.assigned(link)[0].attempt.number.value, 2u);
  EXPECT_EQ(b.said<control::work>(link).at(0).recipes.size(), 1u) << "each session is told its own";
  EXPECT_EQ(b.d.count().sessions, 1u);
}

TEST(dispatcher_nodes, not_heard_of_for_too_long_are_lost) {
  ready_bench b;
  const auto link = b.join("a");
  b.submit(1);
  b.step();
  const auto given = b.assigned(link).at(0);
  b.step_at(b.options.schedule.leases.ttl);
  EXPECT_TRUE(mentions(b.refused(link), "has not heard"));
  ASSERT_EQ(b.lost.size(), 1u);
  EXPECT_EQ(b.lost[0].name, "a");
  EXPECT_TRUE(mentions(b.lost[0].why, "has not heard"));
  EXPECT_FALSE(b.lost[0].leaving);
  const auto other = b.join("b");
  b.step();
  EXPECT_EQ(b.assigned(other).at(0).attempt.number.value, 2u);
  b.say(link, 1, {b.end_of(given)});
  b.step();
  EXPECT_TRUE(b.batches.empty());
}

TEST(dispatcher_nodes, what_runs_goes_on_under_another_name_when_they_come_back) {
  ready_bench b;
  const auto old = b.join("a");
  b.submit(1);
  b.submit(2);
  b.step();
  const auto given = b.assigned(old);
  ASSERT_EQ(given.size(), 2u);
  b.d.disconnected(old, b.now);
  b.now += seconds(1);
  auto again = b.joining();
  again.running = {{given[0].attempt, given[0].key, 0, {}, 1, seconds(3)},
                   {{{100}, {77}, {1}}, numbered(77), 0, {}, 1, {}}};
  const auto link = b.join("a", again);
  b.step();
  const auto welcome = b.said<control::welcome>(link).at(0);
  ASSERT_EQ(welcome.running.size(), 2u);
  ASSERT_TRUE(welcome.running[0]);
  EXPECT_FALSE(welcome.running[1]) << "nobody wants it";
  EXPECT_EQ(b.came.at(0).adopted, 1u);
  EXPECT_EQ(b.assigned(link).size(), 1u) << "the other one again";
  auto end = b.end_of(given[0]);
  end.attempt = *welcome.running[0];
  b.say(link, 1, {end});
  b.step();
  const auto& result = *b.batches.at(0)->results.at(0).what;
  EXPECT_EQ(result.key, numbered(1));
  EXPECT_EQ(result.assigned, b.now - seconds(3)) << "when it began, as the node says";
}

TEST(dispatcher_nodes, after_a_restart_results_that_nobody_asked_for_are_kept_and_those_asked_for_are_told) {
  ready_bench b;
  b.d.recall({{{"a", service::in, true}, {"late", service::in, true}}, {}}, b.now);
  auto what = b.joining();
  what.running = {{{{99}, {5}, {1}}, numbered(1), 0, {}, 1, seconds(1)},
                  {{{99}, {6}, {1}}, numbered(2), 0, {}, 1, seconds(1)}};
  const auto link = b.join("a", what);
  b.step();
  const auto names = b.said<control::welcome>(link).at(0).running;
  ASSERT_TRUE(names[0] && names[1]);
  const auto asked = b.submit(2);
  b.step();
  EXPECT_TRUE(b.assigned(link).empty()) << "it runs already";
  control::attempt_end first, second;
  first.attempt = *names[0];
  second.attempt = *names[1];
  first.result.status = second.result.status = status::succeeded;
  b.say(link, 1, {first, second});
  b.step();
  const auto& results = b.batches.at(0)->results;
  ASSERT_EQ(results.size(), 2u);
  EXPECT_TRUE(results[0].unasked);
  EXPECT_EQ(results[0].what->key, numbered(1));
  EXPECT_FALSE(results[0].what->task);
  EXPECT_FALSE(results[1].unasked);
  EXPECT_EQ(results[1].what->task->cookie, 2u);
  const auto late = b.submit(1);
  b.commit();
  b.step();
  ASSERT_EQ(b.dones.size(), 2u);
  EXPECT_EQ(b.dones[0].waiter, late);
  EXPECT_EQ(b.dones[1].waiter, asked);
  EXPECT_EQ(b.d.count().tasks, 0u);
}

TEST(dispatcher_nodes, without_its_tools_or_platform_never_get_a_task) {
  dispatch_bench b;
  b.with_job();
  auto recipe = recipe_of("compile");
  recipe.tools = {{"cc", numbered(5)}};
  b.recipe = *b.d.add_recipe(recipe, {}, {{"os", "linux"}});
  auto old_tool = b.joining(), other_system = b.joining(), right = b.joining();
  old_tool.tools = {{"cc", numbered(4)}};
  other_system.tools = right.tools = {{"ld", numbered(1)}, {"cc", numbered(5)}};
  old_tool.properties = right.properties = {{"arch", "x86_64"}, {"os", "linux"}};
  const auto a = b.join("a", old_tool), c = b.join("c", other_system);
  b.submit(1);
  b.step();
  EXPECT_TRUE(b.assigned(a).empty());
  EXPECT_TRUE(b.assigned(c).empty());
  EXPECT_EQ(b.d.status(b.now).schedule.unplaceable, 1u);
  const auto link = b.join("d", right);
  b.step();
  EXPECT_EQ(b.assigned(link).size(), 1u);
}

TEST(dispatcher_nodes, with_a_resource_run_as_many_as_there_is_of_it) {
  dispatch_bench b;
  b.with_job();
  b.recipe = *b.d.add_recipe(recipe_of("train", {1'000, 0, {{"gpu", 1}}}));
  auto offer = b.joining(8);
  const auto plain = b.join("a", offer);
  offer.domains[0].resources = {{"licence", 1}, {"gpu", 2}};
  const auto link = b.join("b", offer);
  for (std::uint64_t number = 1; number <= 4; ++number) b.submit(number);
  b.step();
  EXPECT_EQ(b.assigned(link).size(), 2u);
  EXPECT_TRUE(b.assigned(plain).empty());
}

TEST(dispatcher_nodes, never_hold_more_attempts_than_their_credit) {
  ready_bench b;
  auto offer = b.joining(8);
  offer.domains[0].credit = 3;
  const auto link = b.join("a", offer);
  for (std::uint64_t number = 1; number <= 9; ++number) b.submit(number);
  b.step();
  EXPECT_EQ(b.assigned(link).size(), 3u);
  offer.domains[0].credit = 0;
  const auto none = b.join("b", offer);
  b.step();
  EXPECT_NE(b.refused(none), "");
}

TEST(dispatcher_nodes, a_pool_holds_for_what_runs_since_before_a_restart) {
  ready_bench b;
  b.recipe = *b.d.add_recipe(recipe_of("deploy"), rule_pool{7, 1});
  b.d.recall({{{"a", service::in, true}}, {}}, b.now);
  auto what = b.joining();
  what.running = {{{{99}, {5}, {1}}, numbered(1), 0, {}, 1, seconds(1), 7}};
  const auto link = b.join("a", what);
  b.submit(2);
  b.step();
  EXPECT_TRUE(b.assigned(link).empty()) << "the one of its pool runs";
  control::attempt_end end;
  end.attempt = *b.said<control::welcome>(link).at(0).running.at(0);
  b.say(link, 1, {end});
  b.step();
  ASSERT_EQ(b.assigned(link).size(), 1u);
  EXPECT_EQ(b.said<control::work>(link).at(0).recipes.at(0).pool, 7u) << "to say it again in a hello";
}

TEST(dispatcher_nodes, what_has_ended_takes_nothing_and_is_not_made_again) {
  ready_bench b;
  b.tenant = *b.d.tenant("small", {.cpu_milli_max = 1'000});
  b.job = *b.d.open_job(b.tenant);
  b.recipe = *b.d.add_recipe(recipe_of("deploy"), rule_pool{7, 1});
  b.d.recall({{{"a", service::in, true}}, {}}, b.now);
  auto what = b.joining(2);
  using control::run_state;
  for (std::uint64_t number = 1; number <= 5; ++number) {
    b.submit(number);
    const auto state = number <= 3 ? run_state::ended : number == 4 ? run_state::running : run_state::waiting;
    what.running.push_back({{{99}, {number}, {1}}, numbered(number), 0, {}, 1, seconds(1), 7, state});
  }
  const auto link = b.join("a", what);
  b.step();
  const auto names = b.said<control::welcome>(link).at(0).running;
  EXPECT_TRUE(names[0] && names[1] && names[2]) << "though there is room for two, and limits for one";
  EXPECT_TRUE(names[3]);
  EXPECT_FALSE(names[4]) << "of its pool and tenant one runs";
  EXPECT_EQ(b.d.status(b.now).schedule.domains.at(0).cpu_milli_used, 1'000u);
  std::vector<control::attempt_end> ends;
  for (std::size_t i = 0; i < 4; ++i) ends.emplace_back().attempt = *names[i];
  b.say(link, 1, ends);
  b.step();
  EXPECT_EQ(b.batches.at(0)->results.size(), 4u);
  EXPECT_EQ(b.assigned(link).size(), 1u);
}

TEST(dispatcher_nodes, an_adopted_attempt_is_repeated_where_its_tools_are) {
  dispatch_bench b;
  b.with_job();
  auto recipe = recipe_of("compile");
  recipe.tools = {{"cc", numbered(5)}};
  b.recipe = *b.d.add_recipe(recipe);
  b.d.recall({{{"a", service::in, true}}, {}}, b.now);
  auto with = b.joining();
  with.tools = recipe.tools;
  auto first = with;
  first.running = {{{{99}, {5}, {1}}, numbered(1), 0, {}, 1, seconds(1)}};
  const auto link = b.join("a", first);
  b.submit(1);
  b.step();
  const auto plain = b.join("b");
  b.d.disconnected(link, b.now);
  b.step();
  EXPECT_TRUE(b.assigned(plain).empty()) << "it has no cc";
  const auto right = b.join("c", with);
  b.step();
  EXPECT_EQ(b.assigned(right).size(), 1u);
}

TEST(dispatcher_nodes, are_drained_and_come_back) {
  ready_bench b;
  const auto link = b.join("a", 1);
  b.submit(1);
  b.step();
  const auto given = b.assigned(link).at(0);
  ASSERT_TRUE(b.d.set_service("a", service::draining, b.now + seconds(9), b.now));
  b.submit(2);
  b.step();
  ASSERT_EQ(b.said<control::settings>(link).size(), 1u);
  EXPECT_TRUE(b.said<control::settings>(link)[0].draining);
  EXPECT_TRUE(b.drained.empty()) << "something runs";
  EXPECT_EQ(b.remembers, 1);
  b.say(link, 1, {b.end_of(given)});
  b.step();
  EXPECT_EQ(b.drained, std::vector<std::string>{"a"});
  EXPECT_TRUE(b.assigned(link).empty());
  ASSERT_TRUE(b.d.set_service("a", service::in, b.now, b.now));
  b.step();
  EXPECT_FALSE(b.said<control::settings>(link).at(0).draining);
  EXPECT_EQ(b.assigned(link).size(), 1u);
  ASSERT_TRUE(b.d.set_service("b", service::draining, b.now, b.now));
  const auto other = b.join("b");
  b.step();
  EXPECT_TRUE(b.said<control::welcome>(other).at(0).first.draining) << "it holds for who comes";
}

TEST(dispatcher_nodes, that_leave_get_no_more_and_say_what_they_had) {
  ready_bench b;
  const auto link = b.join("a");
  b.submit(1);
  b.step();
  const auto given = b.assigned(link).at(0);
  b.d.received(link, control::leave{"SIGTERM"}, b.now);
  b.submit(2);
  b.step();
  EXPECT_TRUE(b.assigned(link).empty());
  b.say(link, 1, {b.end_of(given)});
  b.step();
  EXPECT_EQ(b.batches.at(0)->results.size(), 1u);
  b.d.disconnected(link, b.now);
  b.step();
  ASSERT_EQ(b.lost.size(), 1u);
  EXPECT_TRUE(b.lost[0].leaving);
  EXPECT_TRUE(mentions(b.lost[0].why, "SIGTERM"));
}

TEST(dispatcher_nodes, are_told_of_stores) {
  ready_bench b;
  const auto link = b.join("a");
  b.step();
  EXPECT_EQ(b.came.at(0).offer->domains.size(), 1u);
  b.d.set_stores(2, {{"10.0.0.3:7403", {}}});
  b.step();
  const auto told = b.said<control::settings>(link);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].copies, 2u);
  EXPECT_EQ(told[0].stores.at(0).chunks, "10.0.0.3:7403");
  b.d.set_stores(2, {{"10.0.0.3:7403", {}}});
  b.step();
  EXPECT_TRUE(b.sent.empty()) << "nothing is new";
  const auto other = b.join("b");
  b.step();
  EXPECT_EQ(b.said<control::welcome>(other).at(0).first, told[0]);
}

TEST(dispatcher_nodes, of_a_later_reign_depose_this_one) {
  ready_bench b;
  auto later = b.joining();
  later.epoch_seen.value = 101;
  const auto link = b.join("a", later);
  b.submit(1);
  b.join("b");
  b.step();
  EXPECT_NE(b.refused(link), "");
  EXPECT_EQ(b.hung_up.at(0).why.code, errc::stale_epoch);
  EXPECT_TRUE(b.deposed);
  for (const auto& one : b.sent) EXPECT_FALSE(std::holds_alternative<control::work>(one.what));
}

TEST(dispatcher_nodes, that_die_of_a_task_make_it_poison_which_outlives_the_process) {
  ready_bench b;
  b.submit(1);
  for (const auto* name : {"a", "b", "c"}) {
    const auto link = b.join(name);
    b.step();
    ASSERT_EQ(b.assigned(link).size(), 1u);
    b.d.disconnected(link, b.now);
    b.step();
  }
  ASSERT_EQ(b.dones.size(), 1u);
  EXPECT_EQ(b.dones[0].how, task_end::poisoned);
  EXPECT_GE(b.remembers, 1);
  EXPECT_EQ(b.d.submit(b.task(1), b.now).error().code, errc::action_failed);

  const auto row = decode_cluster(encode_cluster(b.d.remember()));
  ASSERT_TRUE(row);
  dispatch_bench later;
  later.d.recall(*row, later.now);
  ASSERT_TRUE(later.d.tenant("another", {}));
  later.with_job();
  EXPECT_EQ(later.d.submit(later.task(1), later.now).error().code, errc::action_failed);
  ASSERT_TRUE(later.d.forgive(later.tenant, numbered(1)));
  later.step();
  EXPECT_EQ(later.remembers, 1);
  EXPECT_TRUE(later.d.submit(later.task(1), later.now));
}

TEST(dispatcher_nodes, two_results_that_differ_are_told) {
  auto options = dispatch_bench::default_options();
  options.schedule.hedging.recheck_ppm = 1'000'000;
  ready_bench b(options);
  const auto link = b.join("a"), other = b.join("b");
  b.submit(1);
  b.step();
  const auto on_a = !b.assigned(link).empty();
  const auto first = b.assigned(on_a ? link : other).at(0);
  b.say(on_a ? link : other, 1, {b.end_of(first)});
  b.step();
  b.commit();
  const auto again = b.assigned(on_a ? other : link);
  ASSERT_EQ(again.size(), 1u) << "made once more elsewhere";
  auto end = b.end_of(again[0]);
  end.result.outputs[0].content.id = numbered(9'999);
  b.say(on_a ? other : link, 1, {end});
  b.step();
  ASSERT_EQ(b.differing.size(), 1u);
  EXPECT_EQ(b.differing[0].key, numbered(1));
  EXPECT_TRUE(b.batches.empty()) << "the first one counts";
  EXPECT_EQ(b.d.count().tasks, 0u);
}

TEST(dispatcher_nodes, a_second_result_is_kept_until_the_first_is_safe) {
  auto options = dispatch_bench::default_options();
  options.schedule.hedging.recheck_ppm = 1'000'000;
  ready_bench b(options);
  const auto link = b.join("a");
  b.submit(1);
  b.step();
  b.say(link, 1, {b.end_of(b.assigned(link).at(0))});
  b.step();
  const auto again = b.assigned(link);
  ASSERT_EQ(again.size(), 1u);
  b.say(link, 2, {b.end_of(again[0])});
  b.step();
  EXPECT_EQ(b.d.status(b.now).nodes.at(0).unacknowledged, 2u);
  b.d.committed(1, {}, b.now);
  b.step_at(seconds(1));
  EXPECT_EQ(b.acknowledged(link), 2u);
}

}  // namespace
}  // namespace graphite
