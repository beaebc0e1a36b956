#include <gtest/gtest.h>

#include "engine_world.hpp"

namespace graphite::test {
namespace {

/// Saves `path` every `every` for `how_long`; returns the longest time between publications of `asset`.
duration longest_gap(engine_world& w, const std::string& path, const std::string& asset, duration every,
                     duration how_long) {
  const auto begin = w.now;
  auto last = begin;
  duration longest{};
  std::size_t seen = w.publications.size();
  for (int i = 0; w.now - begin < how_long; ++i) {
    w.save({{path, "v" + std::to_string(i)}});
    w.run_for(every);
    for (; seen < w.publications.size(); ++seen) {
      const auto& upserts = w.publications[seen].what.changes.upserts;
      const bool shown =
          std::any_of(upserts.begin(), upserts.end(), [&](const auto& r) { return r.path.str() == asset; });
      if (!shown) continue;
      longest = std::max(longest, w.publications[seen].when - last);
      last = w.publications[seen].when;
    }
  }
  return std::max(longest, w.now - last);
}

TEST(engine_supersede, a_slow_command_saved_all_the_time_is_still_published) {
  engine_world w({command_rule("slow", {"*.x"}, {"{stem}.y"})});
  w.tool_time = [](const attempt_spec&) { return seconds(2); };
  w.save({{"1.x", "0"}});
  w.settle();
  EXPECT_LE(longest_gap(w, "1.x", "1.y", milliseconds(200), seconds(60)), seconds(5));
  EXPECT_GT(w.cancels, 0u);  // early saves do cancel
  w.settle();
  EXPECT_EQ(w.shown_text("1.y"), "slow(v299:)");
  EXPECT_EQ(w.engine->behind().count, 0u);
}

TEST(engine_supersede, unrelated_saves_are_published_at_once_meanwhile) {
  engine_world w({command_rule("slow", {"*.x"}, {"{stem}.y"})}, [](engine_options& o) { o.jobs = 1; });
  w.tool_time = [](const attempt_spec&) { return seconds(2); };
  for (int i = 0; i < 50; ++i) {
    w.save({{"1.x", "v" + std::to_string(i)}});
    w.run_for(milliseconds(100));
    const auto text = "copy " + std::to_string(i);
    w.save({{"c", text}});
    EXPECT_EQ(w.shown_text("c"), text);
    w.run_for(milliseconds(100));
  }
}

TEST(engine_supersede, a_chain_of_slow_commands_is_still_published) {
  engine_world w({command_rule("one", {"*.a"}, {"{stem}.b"}), command_rule("two", {"*.b"}, {"{stem}.c"})});
  w.tool_time = [](const attempt_spec&) { return milliseconds(1'500); };
  w.save({{"1.a", "0"}});
  w.settle();
  EXPECT_LE(longest_gap(w, "1.a", "1.c", milliseconds(200), seconds(60)), seconds(8));
  w.settle();
  EXPECT_EQ(w.shown_text("1.c"), "two(one(v299:):)");
}

TEST(engine_supersede, a_revision_cancels_only_attempts_it_makes_stale) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})});
  w.save({{"1.x", "1"}, {"2.x", "2"}});
  w.save({{"1.x", "3"}});
  EXPECT_EQ(w.cancels, 1u);
  w.settle();
  EXPECT_EQ(w.started.size(), 3u);
  EXPECT_EQ(w.shown_text("1.y"), "c(3:)");
}

TEST(engine_supersede, an_overtaken_value_is_not_shown_beside_a_newer_part_of_its_closure) {
  engine_world w({command_rule("slow", {"*.x"}, {"{stem}.y"})});
  w.tool_time = [](const attempt_spec&) { return seconds(10); };
  w.refer("sprite", "S0", {"1.y"});
  w.save({{"1.x", "v0"}});
  w.settle();
  w.save({{"1.x", "v1"}});
  w.run_for(seconds(3));
  w.save({{"1.x", "v2"}});  // late: the attempt for v1 may end
  w.refer("sprite", "S2", {"1.y"});
  w.run_for(seconds(8));
  EXPECT_EQ(w.shown_text("1.y"), "slow(v0:)");  // v1 with S2 would be a mix
  EXPECT_EQ(w.shown_text("sprite"), "S0");
  w.settle();
  EXPECT_EQ(w.shown_text("1.y"), "slow(v2:)");
  EXPECT_EQ(w.shown_text("sprite"), "S2");
}

TEST(engine_supersede, an_overtaken_value_is_not_shown_beside_a_part_that_came_back_to_what_is_shown) {
  engine_world w({command_rule("slow", {"*.x"}, {"{stem}.y"})});
  w.tool_time = [](const attempt_spec&) { return seconds(10); };
  w.refer("sprite", "S", {"1.y", "t"});
  w.save({{"1.x", "v0"}, {"t", "T0"}});
  w.settle();
  w.save({{"1.x", "v1"}, {"t", "T1"}});
  w.run_for(seconds(3));
  w.save({{"1.x", "v2"}, {"t", "T0"}});
  w.run_for(seconds(8));
  EXPECT_EQ(w.shown_text("1.y"), "slow(v0:)");  // v1 belongs to T1
  w.settle();
  EXPECT_EQ(w.shown_text("1.y"), "slow(v2:)");
  EXPECT_EQ(w.shown_text("t"), "T0");
}

TEST(engine_supersede, an_overtaken_value_is_no_input_beside_a_listing_that_is_newer) {
  engine_world w({command_rule("slow", {"*.a"}, {"{stem}.b"}), command_rule("all", {"m"}, {"n"}, {"*.b"})});
  w.tool_time = [](const attempt_spec& spec) { return spec.rule == "slow" ? seconds(10) : seconds(1); };
  w.save({{"1.a", "v0"}, {"2.a", "w0"}, {"m", "M"}});
  w.settle();
  w.save({{"1.a", "v1"}});
  w.run_for(seconds(3));
  w.save({{"1.a", "v2"}, {"2.a", std::nullopt}});
  w.run_for(seconds(9));
  EXPECT_EQ(w.shown_text("n"), "all(M:slow(v0:),slow(w0:),)");  // v1 belongs to a listing with 2.b
  w.settle();
  EXPECT_EQ(w.shown_text("n"), "all(M:slow(v2:),)");
}

TEST(engine_supersede, a_return_to_the_built_input_needs_no_run) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})});
  w.save({{"1.x", "1"}});
  w.settle();
  w.save({{"1.x", "2"}});
  w.save({{"1.x", "1"}});
  EXPECT_TRUE(w.running.empty());
  EXPECT_EQ(w.engine->status().stale, 0u);
  EXPECT_EQ(w.engine->behind().count, 0u);
}

TEST(engine_supersede, a_stale_input_waits_for_the_revision_that_tells_of_it) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})});
  bool stale = true;
  w.tool = [&](const attempt_spec& spec) {
    auto out = concatenate(w, spec);
    if (std::exchange(stale, false)) out.status = attempt_status::stale_input, out.outputs.clear();
    return out;
  };
  w.save({{"1.x", "1"}});
  w.run_for(milliseconds(150));
  EXPECT_TRUE(w.running.empty());
  w.save({{"1.x", "2"}});
  w.settle();
  EXPECT_EQ(w.shown_text("1.y"), "c(2:)");
}

TEST(engine_supersede, a_result_nobody_waits_for_changes_nothing) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})});
  w.save({{"1.x", "1"}});
  const auto spec = w.running.at(0).spec;
  w.save({{"1.x", std::nullopt}});
  auto late = concatenate(w, spec);
  for (const auto& command : w.engine->finished(late, w.now))
    EXPECT_FALSE(std::holds_alternative<engine_commands::publish>(command));
  EXPECT_TRUE(w.channel.empty());
}

}  // namespace
}  // namespace graphite::test
