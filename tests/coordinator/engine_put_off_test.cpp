#include <gtest/gtest.h>

#include "engine_world.hpp"

// A build that shows all at once looks at what changed when it is done: what must not wait until then.

namespace graphite::test {
namespace {

engine_world all_at_once() {
  auto rule = command_rule("c", {"*.x"}, {"{stem}.y"});
  return engine_world({rule}, [](engine_options& options) {
    options.mode = engine_options::publishing::all_or_nothing;
    options.keep_going = true;
  });
}

duration ten_seconds_for_slow(const attempt_spec& spec) {
  return spec.main_input.str() == "slow.x" ? duration(seconds(10)) : duration(milliseconds(100));
}

TEST(engine_put_off, a_missing_reference_is_told_while_the_build_goes_on) {
  auto w = all_at_once();
  w.tool_time = ten_seconds_for_slow;
  w.save({{"slow.x", "1"}});
  w.refer("page", "1", {"nowhere"});
  w.refer("other", "1", {"!nowhere else"});
  w.run_for(seconds(1));
  EXPECT_EQ(w.told("refers to nowhere, which does not exist"), 1u);
  EXPECT_EQ(w.told("needs nowhere else, which does not exist"), 1u);
  EXPECT_TRUE(w.publications.empty());
  w.settle();
  EXPECT_EQ(w.told("which does not exist"), 2u) << "once each";
}

TEST(engine_put_off, what_hangs_together_with_a_failed_one_still_makes_it_try_again) {
  auto w = all_at_once();
  w.tool_time = ten_seconds_for_slow;
  w.save({{"slow.x", "1"}, {"a.x", "bad"}, {"leaf", "1"}});
  w.refer("page", "1", {"a.y", "leaf"});
  w.run_for(seconds(1));
  ASSERT_EQ(w.started.size(), 2u);
  w.save({{"leaf", "2"}});
  w.run_for(seconds(1));
  ASSERT_EQ(w.started.size(), 3u);
  EXPECT_EQ(w.started[2].main_input.str(), "a.x");
}

TEST(engine_put_off, what_came_back_meanwhile_is_not_shown_again) {
  auto w = all_at_once();
  w.save({{"a.x", "1"}, {"b", "1"}});
  w.settle();
  ASSERT_EQ(w.publications.size(), 1u);
  w.tool_time = ten_seconds_for_slow;
  w.save({{"slow.x", "1"}, {"b", "2"}, {"a.x", "2"}});
  w.run_for(seconds(1));
  w.save({{"b", "1"}, {"a.x", "1"}});
  w.settle();
  ASSERT_EQ(w.publications.size(), 2u);
  EXPECT_EQ(w.publications[1].what.changes.upserts.size(), 1u) << "what is made of slow.x";
}

TEST(engine_put_off, a_publication_knows_when_its_changes_were_known_to_be_stale) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})});
  w.save({{"a.x", "1"}});
  const auto then = w.now;
  w.settle();
  ASSERT_FALSE(w.publications.empty());
  for (const auto& one : w.publications) EXPECT_EQ(one.what.times.invalidated, then);
}

}  // namespace
}  // namespace graphite::test
