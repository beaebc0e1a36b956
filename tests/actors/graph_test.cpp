#include "tests/actors/graph_fixture.hpp"

namespace graphite::test {
namespace {

TEST_F(graph_actor_test, every_channel_gets_each_publication_and_the_first_one_its_rows) {
  start();
  save({{"a.txt", "A"}});
  ASSERT_EQ(one.got.size(), 1u);
  ASSERT_EQ(two.got.size(), 1u);
  EXPECT_EQ(paths(*one.got[0]), names{"a.txt"});
  EXPECT_EQ(paths(*two.got[0]), names{"a.txt"});
  EXPECT_EQ(one.got[0]->id, "5.1");
  EXPECT_EQ(two.got[0]->id, "5.1");
  EXPECT_TRUE(two.got[0]->rows.empty());
  const auto& row = one.got[0]->rows.back();
  EXPECT_EQ(row.key, publication_row_key) << "the rows say which publications they take for shown";
  EXPECT_EQ(row.value, "5.1");
}

TEST_F(graph_actor_test, rows_that_take_something_for_shown_wait_until_it_is_published) {
  start();
  save({{"a.txt", "A"}});
  save({{"w.low", "w"}});  // an input, no asset: its row is not part of a publication
  EXPECT_EQ(rows_of_the_graph(), 0u);
  one.answer();
  run();
  EXPECT_EQ(rows_of_the_graph(), 0u) << "the second channel has not answered";
  two.answer();
  run();
  EXPECT_GT(rows_of_the_graph(), 0u);
  EXPECT_EQ(*newest_publication(rows), "5.1");
}

TEST_F(graph_actor_test, held_rows_go_first_with_the_next_publication) {
  start();
  save({{"a.txt", "A"}});
  save({{"w.low", "w"}});
  save({{"b.txt", "B"}});
  ASSERT_EQ(one.got.size(), 2u);
  const auto with_id = one.got[1]->rows.back();
  EXPECT_EQ(with_id.value, "5.2");
  std::vector<std::string> keys;
  for (const auto& row : one.got[1]->rows)
    if (row.where == table::sources) keys.push_back(row.key);
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_LT(keys[0], keys[1]) << "older rows must not overwrite newer ones";
  one.answer();
  two.answer();
  run();
  EXPECT_EQ(rows_of_the_graph(), 0u) << "nothing is left that was held";
}

TEST_F(graph_actor_test, a_build_is_answered_when_what_ran_for_it_is_published_everywhere) {
  start();
  save({{"w.low", "w"}});
  ASSERT_EQ(started.size(), 1u);
  build();
  EXPECT_TRUE(built.empty());
  finish(0, "w.up", "W");
  ASSERT_EQ(one.got.size(), 1u);
  EXPECT_TRUE(built.empty()) << "not published yet";
  one.answer();
  run();
  EXPECT_TRUE(built.empty()) << "the second channel has not answered";
  two.answer();
  run();
  ASSERT_EQ(built.size(), 1u);
  ASSERT_TRUE(built[0]);
  EXPECT_EQ(built[0]->ran, 1u);
  EXPECT_GE(rests, 1);
}

TEST_F(graph_actor_test, a_build_does_not_wait_for_what_is_published_after_it) {
  start();
  save({{"a.txt", "A"}});
  build();
  save({{"b.txt", "B"}});
  EXPECT_TRUE(built.empty());
  one.answer(nullptr, 1);
  two.answer(nullptr, 1);
  run();
  EXPECT_EQ(built.size(), 1u);
}

TEST_F(graph_actor_test, a_build_says_why_nothing_could_be_published) {
  start();
  save({{"a.txt", "A"}});
  build();
  one.answer(std::make_shared<const error>(error{errc::out_of_space, "full"}));
  two.answer(std::make_shared<const error>(error{errc::out_of_space, "full"}));
  run();
  ASSERT_EQ(built.size(), 1u);
  ASSERT_FALSE(built[0]);
  EXPECT_EQ(built[0].error().code, errc::out_of_space);
}

TEST_F(graph_actor_test, a_build_that_a_failure_ends_is_answered_though_actions_are_left) {
  how.mode = engine_options::publishing::all_or_nothing;
  how.keep_going = false;
  how.jobs = 1;
  start();
  save({{"1.low", "1"}, {"2.low", "2"}});
  build();
  ASSERT_EQ(started.size(), 1u);
  finish(0, "another", "x");  // it did not write what its rule says
  EXPECT_EQ(started.size(), 1u);
  ASSERT_EQ(built.size(), 1u);
  ASSERT_TRUE(built[0]);
  EXPECT_EQ(built[0]->failed, 1u);
  EXPECT_TRUE(one.got.empty());
}

TEST_F(graph_actor_test, lost_contents_are_read_again_before_a_build_is_answered) {
  start();
  save({{"a.txt", "A"}, {"b.txt", "B"}});
  one.answer();
  two.answer();
  run();
  contents.remove(store("B").id);
  lost = true;
  build();
  EXPECT_TRUE(built.empty());
  EXPECT_EQ(reread, names{"b.txt"});
  ASSERT_EQ(asked_again.size(), 1u) << "asked again behind what is read";
  caf::anon_send(graph, atom::answer_v, asked_again[0]);
  run();
  EXPECT_EQ(built.size(), 1u);
}

TEST_F(graph_actor_test, a_channel_that_went_astray_is_told_all_at_the_first_rest) {
  with.astray = {1};
  start();
  save({{"a.txt", "A"}, {"w.low", "w"}});
  EXPECT_EQ(two.got.size(), 1u);
  finish(0, "w.up", "W");
  ASSERT_EQ(two.got.size(), 3u);
  EXPECT_FALSE(two.got[1]->complete);
  EXPECT_TRUE(two.got[2]->complete);
  EXPECT_EQ(paths(*two.got[2]), (names{"a.txt", "w.up"}));
  EXPECT_EQ(two.got[2]->id, two.got[1]->id);
  EXPECT_TRUE(two.got[2]->rows.empty());
  EXPECT_EQ(one.got.size(), 2u) << "the other one is in step";
  save({{"a.txt", "A2"}});
  EXPECT_EQ(two.got.size(), 4u) << "once is enough";
}

TEST_F(graph_actor_test, status_tells_of_every_channel_and_what_is_behind_in_it) {
  start();
  save({{"a.txt", "A"}, {"v.low", "v"}, {"w.low", "w"}});
  ASSERT_EQ(started.size(), 2u);
  std::optional<service_status> status;
  ask({query::status{std::make_shared<service_status>(),
                     [&](result<service_status> how) { status = std::move(*how); }}});
  ASSERT_TRUE(status);
  ASSERT_EQ(status->channels.size(), 2u);
  EXPECT_EQ(status->channels[0].name, "one");
  EXPECT_EQ(status->channels[0].behind, 2u);
  EXPECT_EQ(status->channels[0].subscribers, 7u);
  EXPECT_EQ(status->channels[1].name, "two");
  EXPECT_EQ(status->channels[1].behind, 0u) << "it shows none of the two";
  EXPECT_EQ(status->channels[1].subscribers, 7u);
  ASSERT_EQ(status->running.size(), 2u);
  EXPECT_EQ(status->running[0].rule, "upper");
}

TEST_F(graph_actor_test, an_undo_while_a_tool_lags_is_what_is_shown_last) {
  config.publish_lag_max = milliseconds(0);
  start();
  save({{"w.low", "1"}});
  finish(0, "w.up", "first");
  answer_all();
  save({{"w.low", "2"}});
  save({{"w.low", "1"}});  // the tool goes on with the second text, whose result is shown meanwhile
  EXPECT_EQ(cancels, 0);
  finish(1, "w.up", "second");
  ASSERT_EQ(one.got.size(), 3u);
  const auto shown = [&](std::size_t which) {
    return one.got[which]->changes.upserts.at(0).parts.at(0).content.id;
  };
  EXPECT_EQ(shown(1), store("second").id);
  EXPECT_EQ(shown(2), store("first").id);
  EXPECT_EQ(one.got[2]->id, "5.3");
}

TEST_F(graph_actor_test, what_a_cached_result_shows_comes_after_what_was_shown_before_it) {
  start();
  save({{"w.low", "1"}});
  finish(0, "w.up", "first");
  answer_all();
  save({{"w.low", "2"}});
  finish(1, "w.up", "second");
  answer_all();
  ASSERT_EQ(one.got.size(), 2u);
  save({{"w.low", "1"}, {"a.txt", "A"}});
  ASSERT_EQ(one.got.size(), 4u);
  EXPECT_EQ(paths(*one.got[2]), names{"a.txt"});
  EXPECT_EQ(paths(*one.got[3]), names{"w.up"});
}

}  // namespace
}  // namespace graphite::test
