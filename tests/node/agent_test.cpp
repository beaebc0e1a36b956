#include "node/agent.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace graphite {
namespace {

using namespace agent_commands;

constexpr time_point start_of_time{};

digest key_of(std::uint64_t number) {
  digest out;
  for (std::size_t i = 0; i < 8; ++i) out.bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return out;
}

/// A node of one domain, unless told otherwise, and what a coordinator says to it.
class agent_under_test {
 public:
  explicit agent_under_test(std::vector<control::domain_offer> domains = {{2000, GiB, {}, 4, ""}}) {
    node_agent_options options;
    options.offer.domains = std::move(domains);
    agent.emplace(options);
  }

  void take(agent_command_list commands) {
    for (auto& command : commands) {
      if (auto* one = std::get_if<send>(&command)) sent.push_back(std::move(one->what));
      if (auto* one = std::get_if<start>(&command)) started.push_back(*one);
      if (auto* one = std::get_if<cancel>(&command)) cancelled.push_back(one->run);
      if (auto* one = std::get_if<hang_up>(&command)) hung_up = *one;
      if (std::holds_alternative<gone>(command)) ++gone_count;
    }
  }
  void hear(to_node message) { take(agent->received(message, now)); }

  control::join connect() {
    sent.clear();
    take(agent->connected(now));
    return std::get<control::join>(sent.at(0));
  }
  void welcome(std::vector<std::optional<attempt_key>> running = {}, std::uint64_t epoch = 5) {
    control::welcome message;
    message.epoch.value = epoch;
    message.running = std::move(running);
    hear(message);
  }
  void joined(std::uint64_t epoch = 5) { connect(), welcome({}, epoch); }

  static attempt_key name(std::uint64_t task, std::uint64_t epoch = 5) { return {{epoch}, {task}, {1}}; }
  control::assignment assignment(std::uint64_t task, std::uint32_t recipe = 0,
                                 std::uint32_t domain = 0) const {
    control::assignment out{.main_input = logical_path::parse("a").value()};
    out.attempt = name(task);
    out.recipe = recipe;
    out.domain = domain;
    out.key = key_of(task);
    return out;
  }
  static control::recipe recipe(std::uint32_t number = 0, attempt_needs needs = {1000, 0, {}}) {
    control::recipe out;
    out.number = number;
    out.needs = std::move(needs);
    return out;
  }
  void assign(const std::vector<std::uint64_t>& tasks) {
    control::work message;
    message.recipes = {recipe()};
    for (const auto task : tasks) message.assignments.push_back(assignment(task));
    hear(message);
  }
  void end(std::uint64_t run, attempt_status status = attempt_status::succeeded) {
    control::attempt_end what;
    what.result.status = status;
    take(agent->ended({{run, what}}, now));
  }
  void acknowledge(std::uint64_t number) {
    control::work message;
    message.acknowledged = number;
    hear(message);
  }
  std::vector<std::uint64_t> started_tasks() const {
    std::vector<std::uint64_t> out;
    for (const auto& one : started) out.push_back(one.what->attempt.task.value);
    return out;
  }
  /// Tasks of all results that were sent, with how each ended.
  std::vector<std::pair<std::uint64_t, attempt_status>> said() const {
    std::vector<std::pair<std::uint64_t, attempt_status>> out;
    for (const auto& message : sent)
      if (const auto* of = std::get_if<control::results>(&message))
        for (const auto& one : of->ends) out.emplace_back(one.attempt.task.value, one.result.status);
    return out;
  }

  std::optional<node_agent> agent;
  time_point now = start_of_time;
  std::vector<to_coordinator> sent;
  std::vector<start> started;
  std::vector<std::uint64_t> cancelled;
  std::optional<hang_up> hung_up;
  int gone_count = 0;
};

using ends = std::vector<std::pair<std::uint64_t, attempt_status>>;
using numbers = std::vector<std::uint64_t>;

TEST(node_agent, what_it_has_to_stop_takes_no_credit) {
  agent_under_test node;
  node.joined();
  node.assign({1, 2, 3, 4});
  node.connect();
  node.welcome({std::nullopt, std::nullopt, std::nullopt, std::nullopt});
  EXPECT_EQ(node.cancelled.size(), 2u);
  node.assign({5, 6, 7, 8});
  EXPECT_FALSE(node.hung_up) << "two that are being stopped are still there";
  EXPECT_EQ(node.agent->count(), (node_agent::counts{4, 2, 0}));
  for (const auto run : numbers(node.cancelled)) node.end(run, attempt_status::cancelled);
  EXPECT_EQ(node.started_tasks(), (numbers{1, 2, 5, 6}));
  node.assign({9});
  EXPECT_TRUE(node.hung_up) << "four are here";
}

TEST(node_agent, says_in_a_join_what_waits_runs_and_has_ended) {
  agent_under_test node;
  node.joined();
  node.assign({1, 2, 3});
  node.end(node.started[0].run);
  node.end(node.started[1].run);
  node.assign({4});
  node.assign({5});
  const auto join = node.connect();
  using control::run_state;
  std::vector<run_state> states;
  for (const auto& one : join.running) states.push_back(one.state);
  EXPECT_EQ(states, (std::vector<run_state>{run_state::ended, run_state::ended, run_state::running,
                                            run_state::running, run_state::waiting}));
}

TEST(node_agent, begins_what_fits_in_the_order_it_was_assigned) {
  agent_under_test node;
  node.joined();
  node.assign({1, 2, 3, 4});
  EXPECT_EQ(node.started_tasks(), (numbers{1, 2}));
  EXPECT_EQ(node.agent->count(), (node_agent::counts{2, 2, 0}));
  node.end(node.started[1].run);
  EXPECT_EQ(node.started_tasks(), (numbers{1, 2, 3}));
  EXPECT_EQ(node.said(), (ends{{2, attempt_status::succeeded}}));
}

TEST(node_agent, says_how_long_an_attempt_waited) {
  agent_under_test node;
  node.joined();
  node.assign({1, 2, 3});
  node.now += milliseconds(40);
  node.end(node.started[0].run);
  node.end(node.started[2].run);
  const auto waited = [&](std::size_t message) {
    return std::get<control::results>(node.sent.at(node.sent.size() - message)).ends.at(0).times.waited;
  };
  EXPECT_EQ(waited(2), duration::zero());
  EXPECT_EQ(waited(1), milliseconds(40));
}

TEST(node_agent, what_ends_together_is_said_together) {
  agent_under_test node;
  node.joined();
  node.assign({1, 2, 3, 4});
  node.sent.clear();
  node.take(node.agent->ended({{node.started[1].run, {}}, {node.started[0].run, {}}}, node.now));
  ASSERT_EQ(node.sent.size(), 1U);
  EXPECT_EQ(node.said(), (ends{{2, attempt_status::failed}, {1, attempt_status::failed}}));
  EXPECT_EQ(node.started_tasks(), (numbers{1, 2, 3, 4}));
}

TEST(node_agent, named_resources_and_memory_are_never_exceeded) {
  agent_under_test node({{8000, 100, {{"gpu", 1}}, 8, ""}});
  node.joined();
  control::work message;
  message.recipes = {node.recipe(0, {1000, 60, {}}), node.recipe(1, {1000, 0, {{"gpu", 1}}})};
  message.assignments = {node.assignment(1, 0), node.assignment(2, 1), node.assignment(3, 1),
                         node.assignment(4, 0)};
  node.hear(message);
  EXPECT_EQ(node.started_tasks(), (numbers{1, 2}));
  node.end(node.started[0].run);
  EXPECT_EQ(node.started_tasks(), (numbers{1, 2})) << "the card is taken; 4 waits behind 3";
  node.end(node.started[1].run);
  EXPECT_EQ(node.started_tasks(), (numbers{1, 2, 3, 4}));
}

TEST(node_agent, what_no_domain_could_ever_run_is_refused_and_blocks_nothing) {
  agent_under_test node;
  node.joined();
  control::work message;
  message.recipes = {node.recipe(0), node.recipe(1, {1000, 0, {{"gpu", 1}}})};
  message.assignments = {node.assignment(1, 1), node.assignment(2, 0)};
  node.hear(message);
  EXPECT_EQ(node.said(), (ends{{1, attempt_status::refused}}));
  EXPECT_EQ(node.started_tasks(), (numbers{2}));
}

TEST(node_agent, an_acknowledgement_of_more_than_was_ever_said_ends_the_session) {
  agent_under_test node;
  node.joined();
  node.assign({1});
  node.end(node.started[0].run);
  node.acknowledge(~std::uint64_t{0});
  ASSERT_TRUE(node.hung_up);
  EXPECT_EQ(node.hung_up->why.code, errc::corrupt);
  EXPECT_EQ(node.agent->count().unacknowledged, 1u);
}

TEST(node_agent, domains_do_not_share_their_room) {
  agent_under_test node({{1000, GiB, {}, 4, ""}, {1000, GiB, {}, 4, ""}});
  node.joined();
  control::work message;
  message.recipes = {node.recipe()};
  message.assignments = {node.assignment(1, 0, 0), node.assignment(2, 0, 0), node.assignment(3, 0, 1)};
  node.hear(message);
  EXPECT_EQ(node.started_tasks(), (numbers{1, 3}));
  EXPECT_EQ(node.started[1].domain, 1u);
}

TEST(node_agent, more_than_its_credit_ends_the_session) {
  agent_under_test node;
  node.joined();
  node.assign({1, 2, 3, 4, 5});
  ASSERT_TRUE(node.hung_up);
  EXPECT_EQ(node.hung_up->why.code, errc::busy);
  EXPECT_FALSE(node.hung_up->final);
}

TEST(node_agent, work_of_another_reign_or_by_an_unknown_recipe_ends_the_session) {
  const auto refused = [](auto change) {
    agent_under_test node;
    node.joined();
    control::work message;
    message.recipes = {node.recipe()};
    message.assignments = {node.assignment(1)};
    change(message);
    node.hear(message);
    EXPECT_TRUE(node.started.empty());
    return node.hung_up ? node.hung_up->why.code : errc{};
  };
  EXPECT_EQ(refused([](auto& m) { m.assignments[0].attempt.epoch.value = 4; }), errc::stale_epoch);
  EXPECT_EQ(refused([](auto& m) { m.assignments[0].recipe = 7; }), errc::corrupt);
  EXPECT_EQ(refused([](auto& m) { m.assignments[0].domain = 1; }), errc::corrupt);
  EXPECT_EQ(refused([](auto& m) { m.acknowledged = 1; }), errc::corrupt);
}

TEST(node_agent, the_same_attempt_twice_ends_the_session) {
  agent_under_test node;
  node.joined();
  node.assign({1});
  node.assign({1});
  ASSERT_TRUE(node.hung_up);
  EXPECT_EQ(node.hung_up->why.code, errc::corrupt);
}

TEST(node_agent, an_earlier_reign_than_it_has_worked_for_is_refused) {
  agent_under_test node;
  node.joined(9);
  node.take(node.agent->disconnected());
  EXPECT_EQ(node.connect().epoch_seen.value, 9u);
  node.welcome({}, 8);
  ASSERT_TRUE(node.hung_up);
  EXPECT_EQ(node.hung_up->why.code, errc::stale_epoch);
}

TEST(node_agent, a_refusal_that_would_come_again_is_final) {
  agent_under_test node;
  node.connect();
  node.hear(control::refusal{errc::newer_version, "it speaks 2"});
  ASSERT_TRUE(node.hung_up);
  EXPECT_TRUE(node.hung_up->final);
  agent_under_test other;
  other.connect();
  other.hear(control::refusal{errc::busy, "come back"});
  EXPECT_FALSE(other.hung_up->final);
}

TEST(node_agent, says_results_until_they_are_acknowledged) {
  agent_under_test node;
  node.joined();
  node.assign({1, 2});
  node.end(node.started[0].run);
  node.end(node.started[1].run, attempt_status::failed);
  EXPECT_EQ(node.agent->count().unacknowledged, 2u);
  node.acknowledge(1);
  EXPECT_EQ(node.agent->count().unacknowledged, 1u);
  node.take(node.agent->disconnected());
  const auto again = node.connect();
  ASSERT_EQ(again.running.size(), 1u);
  EXPECT_EQ(again.running[0].was, node.name(2));
  EXPECT_EQ(again.running[0].key, key_of(2));
  node.welcome({node.name(20, 6)}, 6);
  EXPECT_EQ(node.said(), (ends{{20, attempt_status::failed}})) << "under its new name";
  const auto& message = std::get<control::results>(node.sent.back());
  EXPECT_EQ(message.first, 1u);
  node.acknowledge(1);
  EXPECT_EQ(node.agent->count().unacknowledged, 0u);
}

TEST(node_agent, what_runs_survives_a_lost_connection_and_goes_on_under_its_new_name) {
  agent_under_test node;
  node.joined();
  node.assign({1, 2, 3});
  node.take(node.agent->disconnected());
  node.end(node.started[0].run);
  EXPECT_EQ(node.started_tasks(), (numbers{1, 2, 3})) << "it goes on without a coordinator";
  const auto again = node.connect();
  ASSERT_EQ(again.running.size(), 3u);
  EXPECT_EQ(again.running[0].was, node.name(1));
  node.welcome({node.name(11, 6), std::nullopt, node.name(13, 6)}, 6);
  EXPECT_EQ(node.cancelled, (numbers{node.started[1].run})) << "nobody wants 2";
  node.end(node.started[1].run, attempt_status::cancelled);
  node.end(node.started[2].run);
  EXPECT_EQ(node.said(), (ends{{11, attempt_status::succeeded}, {13, attempt_status::succeeded}}));
}

TEST(node_agent, what_ends_between_join_and_welcome_is_said_under_its_new_name) {
  agent_under_test node;
  node.joined();
  node.assign({1, 2});
  node.take(node.agent->disconnected());
  node.connect();
  node.end(node.started[0].run);
  node.end(node.started[1].run);
  node.welcome({std::nullopt, node.name(12, 6)}, 6);
  EXPECT_EQ(node.said(), (ends{{12, attempt_status::succeeded}}));
  EXPECT_EQ(node.agent->count(), (node_agent::counts{0, 0, 1}));
}

TEST(node_agent, a_connection_lost_before_the_welcome_loses_nothing) {
  agent_under_test node;
  node.joined();
  node.assign({1});
  node.take(node.agent->disconnected());
  node.connect();
  node.end(node.started[0].run);
  node.take(node.agent->disconnected());
  const auto again = node.connect();
  ASSERT_EQ(again.running.size(), 1u);
  node.welcome({node.name(1)});
  EXPECT_EQ(node.said(), (ends{{1, attempt_status::succeeded}}));
}

TEST(node_agent, a_welcome_for_another_join_ends_the_session) {
  agent_under_test node;
  node.connect();
  node.welcome({node.name(1)});
  ASSERT_TRUE(node.hung_up);
  EXPECT_EQ(node.hung_up->why.code, errc::corrupt);
}

TEST(node_agent, stops_what_waits_at_once_and_what_runs_where_it_is_meant) {
  agent_under_test node;
  node.joined();
  node.assign({1, 2, 3});
  control::work message;
  message.stops = {{node.name(1), true}, {node.name(2), false}, {node.name(3), true}, {node.name(99), false}};
  node.hear(message);
  EXPECT_EQ(node.cancelled, (numbers{node.started[1].run}));
  EXPECT_EQ(node.said(), (ends{{3, attempt_status::cancelled}}));
}

TEST(node_agent, drained_it_hands_back_what_waits_and_what_comes) {
  agent_under_test node;
  node.joined();
  node.assign({1, 2, 3});
  control::settings settings;
  settings.draining = true;
  node.hear(settings);
  EXPECT_EQ(node.said(), (ends{{3, attempt_status::cancelled}}));
  node.assign({4});
  EXPECT_EQ(node.said().back(), (std::pair<std::uint64_t, attempt_status>{4, attempt_status::cancelled}));
  EXPECT_EQ(node.started.size(), 2u);
}

TEST(node_agent, leaves_when_what_runs_is_finished_and_acknowledged) {
  agent_under_test node;
  node.joined();
  node.assign({1, 2, 3});
  node.take(node.agent->leave("SIGTERM", node.now));
  EXPECT_EQ(node.said(), (ends{{3, attempt_status::cancelled}}));
  node.end(node.started[0].run);
  node.end(node.started[1].run);
  EXPECT_EQ(node.gone_count, 0);
  node.acknowledge(3);
  EXPECT_EQ(node.gone_count, 1);
}

TEST(node_agent, leaving_cancels_what_takes_too_long_and_gives_up_on_a_silent_coordinator) {
  agent_under_test node;
  node.joined();
  node.assign({1});
  node.take(node.agent->leave("SIGTERM", node.now));
  node.now += seconds(20);
  node.take(node.agent->tick(node.now));
  EXPECT_EQ(node.cancelled, (numbers{node.started[0].run}));
  node.end(node.started[0].run, attempt_status::cancelled);
  EXPECT_EQ(node.gone_count, 0);
  node.now += seconds(5);
  node.take(node.agent->tick(node.now));
  EXPECT_EQ(node.gone_count, 1);
}

TEST(node_agent, without_a_coordinator_it_leaves_when_nothing_runs) {
  agent_under_test node;
  node.joined();
  node.assign({1});
  node.take(node.agent->disconnected());
  node.take(node.agent->leave("SIGTERM", node.now));
  node.end(node.started[0].run);
  EXPECT_EQ(node.gone_count, 1);
}

TEST(node_agent, passes_on_what_its_store_asks_and_what_it_is_answered) {
  agent_under_test node;
  const control::need_question question{3, {key_of(1)}};
  node.take(node.agent->ask(question));
  node.take(node.agent->tell({.contents = 5}));
  EXPECT_TRUE(node.sent.empty()) << "nobody is there";
  node.joined();
  node.sent.clear();
  node.take(node.agent->ask(question));
  node.take(node.agent->tell({.contents = 5}));
  ASSERT_EQ(node.sent.size(), 2u);
  EXPECT_EQ(std::get<control::need_question>(node.sent[0]), question);
  EXPECT_EQ(std::get<control::store_state>(node.sent[1]).contents, 5u);
  const auto answered = node.agent->received(control::need_answer{3, {true}, {}}, node.now);
  ASSERT_EQ(answered.size(), 1u);
  EXPECT_EQ(std::get<agent_commands::answered>(answered[0]).what.number, 3u);
  const auto revoked = node.agent->received(control::revocations{byte_vector(9)}, node.now);
  ASSERT_EQ(revoked.size(), 1u);
  EXPECT_EQ(std::get<agent_commands::revoke>(revoked[0]).list.list.size(), 9u);
}

TEST(node_agent, beats_while_it_is_joined) {
  agent_under_test node;
  node.joined();
  node.sent.clear();
  node.take(node.agent->tick(node.now + milliseconds(999)));
  EXPECT_TRUE(node.sent.empty());
  node.take(node.agent->tick(node.now + seconds(1)));
  ASSERT_EQ(node.sent.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<control::beat>(node.sent[0]));
}

TEST(node_agent, large_results_go_in_messages_of_their_own) {
  agent_under_test node({{64'000, GiB, {}, 64, ""}});
  node.joined();
  std::vector<std::uint64_t> tasks(40);
  for (std::size_t i = 0; i < tasks.size(); ++i) tasks[i] = i + 1;
  node.assign(tasks);
  node.take(node.agent->disconnected());
  for (const auto& one : node.started) {
    control::attempt_end what;
    what.bodies = {byte_vector(inline_bytes_max)};
    node.take(node.agent->ended({{one.run, what}}, node.now));
  }
  node.connect();
  node.sent.clear();
  std::vector<std::optional<attempt_key>> names;
  for (const auto task : tasks) names.push_back(node.name(task));
  node.welcome(names);
  EXPECT_EQ(node.said().size(), 40u);
  EXPECT_GE(node.sent.size(), 5u) << "eight of 32 KiB are one of 256";
}

}  // namespace
}  // namespace graphite
