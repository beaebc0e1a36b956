#include "tests/actors/graph_fixture.hpp"

namespace graphite::test {
namespace {

class graph_on_demand_test : public graph_actor_test {};

TEST_F(graph_on_demand_test, on_demand_nothing_is_built_until_somebody_asks) {
  start_on_demand();
  save({{"w.low", "w"}, {"a.txt", "A"}});
  EXPECT_TRUE(started.empty());
  EXPECT_TRUE(one.got.empty());
  EXPECT_TRUE(stale("w.up"));
  build();
  ASSERT_EQ(started.size(), 1u);
  finish(0, "w.up", "W");
  ASSERT_EQ(one.got.size(), 1u);
  EXPECT_EQ(paths(*one.got[0]), (names{"a.txt", "w.up"}));
  EXPECT_TRUE(built.empty()) << "not published yet";
  one.answer();
  two.answer();
  run();
  ASSERT_EQ(built.size(), 1u);
  EXPECT_EQ(built[0]->ran, 1u);
  EXPECT_FALSE(stale("w.up"));
  save({{"w.low", "w2"}});
  EXPECT_EQ(started.size(), 1u) << "it rests again";
  EXPECT_TRUE(stale("w.up"));
}

TEST_F(graph_on_demand_test, on_demand_a_build_that_has_nothing_to_do_is_answered_at_once) {
  start_on_demand();
  save({});
  build();
  ASSERT_EQ(built.size(), 1u);
  build({.as_ready = true, .targets = {"no/such.txt"}});
  ASSERT_EQ(built.size(), 2u);
  EXPECT_EQ(built[1].error().code, errc::not_found);
}

TEST_F(graph_on_demand_test, a_cancelled_build_is_answered_once_nothing_runs_for_it) {
  start_on_demand();
  save({{"w.low", "w"}, {"v.low", "v"}});
  build_request request;
  build(request);
  ASSERT_EQ(started.size(), 2u);
  ask({query::cancel{[](const result<bool>& some) { EXPECT_FALSE(*some); }}});
  EXPECT_EQ(cancels, 0);
  request.cancel.cancel();
  ask({query::cancel{[](const result<bool>& some) { EXPECT_TRUE(*some); }}});
  EXPECT_EQ(cancels, 2);
  EXPECT_TRUE(built.empty());
  end_cancelled(0);
  EXPECT_TRUE(built.empty());
  end_cancelled(1);
  ASSERT_EQ(built.size(), 1u);
  EXPECT_EQ(built[0].error().code, errc::cancelled);
  EXPECT_TRUE(one.got.empty());
  build(request);
  ASSERT_EQ(built.size(), 2u) << "cancelled before it began";
  EXPECT_EQ(built[1].error().code, errc::cancelled);
  EXPECT_EQ(started.size(), 2u);
}

TEST_F(graph_on_demand_test, a_build_that_ends_before_its_cancel_comes_leaves_a_resting_engine) {
  start_on_demand();
  save({{"w.low", "w"}});
  build_request request;
  build(request);
  request.cancel.cancel();  // its message is still under way
  finish(0, "w.up", "W");
  ASSERT_EQ(built.size(), 1u);
  EXPECT_EQ(built[0].error().code, errc::cancelled);
  ask({query::cancel{[](const result<bool>& some) { EXPECT_FALSE(*some); }}});
  save({{"w.low", "w2"}});
  EXPECT_EQ(started.size(), 1u) << "nobody asked for it";
}

TEST_F(graph_on_demand_test, cancelling_one_of_two_builds_leaves_the_other_what_it_needs) {
  start_on_demand();
  save({{"w.low", "w"}});
  build_request first;
  build(first);
  build();
  first.cancel.cancel();
  ask({query::cancel{[](const result<bool>&) {}}});
  EXPECT_EQ(cancels, 0);
  finish(0, "w.up", "W");
  one.answer();
  two.answer();
  run();
  ASSERT_EQ(built.size(), 2u);
  EXPECT_EQ(built[0].error().code, errc::cancelled);
  EXPECT_TRUE(built[1]);
}

TEST_F(graph_on_demand_test, where_everything_is_built_at_once_a_cancelled_wait_ends_alone) {
  start();
  save({{"w.low", "w"}});
  build_request request;
  build(request);
  request.cancel.cancel();
  ask({query::cancel{[](const result<bool>&) {}}});
  ASSERT_EQ(built.size(), 1u);
  EXPECT_EQ(built[0].error().code, errc::cancelled);
  EXPECT_EQ(cancels, 0) << "it is built all the same";
}

TEST_F(graph_on_demand_test, a_build_waits_for_all_that_a_result_lets_begin_though_some_of_it_is_cached) {
  rule_spec middle;
  middle.name = "middle";
  middle.transform = "command";
  middle.match = {*glob::parse("*.src")};
  middle.outputs = {"{stem}.mid"};
  middle.command.argv = {"tool", "{in}"};
  middle.publish = false;
  config.rules[0].command.inputs = {"*.mid"};
  config.rules.push_back(middle);
  how.mode = engine_options::publishing::all_or_nothing;
  how.keep_going = false;
  start_on_demand();
  const auto make = [this](const std::string& path, const std::string& text) {
    const auto output = path.substr(0, path.find('.')) + (path.ends_with(".src") ? ".mid" : ".up");
    for (std::size_t i = started.size(); i-- > 0;)
      if (started[i]->main_input.str() == path) return finish(i, output, text);
    ADD_FAILURE() << path << " was not started";
  };
  save({{"g.src", "1"}, {"a.low", "a"}, {"b.low", "b"}});
  build();
  make("g.src", "first");
  make("a.low", "A1");
  make("b.low", "B1");
  answer_all();
  save({{"g.src", "2"}});
  build();
  make("g.src", "second");
  make("a.low", "A2");
  make("b.low", "B2");
  answer_all();
  ASSERT_EQ(built.size(), 2u);

  save({{"g.src", "3"}, {"b.low", "b3"}});  // the first middle again: a.low is in the cache, b.low is not
  build();
  make("g.src", "first");
  EXPECT_EQ(built.size(), 2u) << "b.low runs";
  ASSERT_EQ(started.size(), 8u);
  make("b.low", "B3");
  answer_all();
  ASSERT_EQ(built.size(), 3u);
  ASSERT_TRUE(built[2]);
  EXPECT_EQ(built[2]->behind, 0u);
  EXPECT_EQ(built[2]->cached, 1u);
  ASSERT_EQ(one.got.size(), 3u);
  EXPECT_EQ(paths(*one.got[2]), (names{"a.up", "b.up"}));
}

}  // namespace
}  // namespace graphite::test
