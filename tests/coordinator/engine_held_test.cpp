#include <gtest/gtest.h>

#include "engine_world.hpp"

// Sources that cannot be taken as they are: open for writing, unreadable; and what failed for others.

namespace graphite::test {
namespace {

/// A revision that changes nothing but says what is open.
void say_open(engine_world& w, std::vector<std::string> open) {
  revision what;
  for (const auto& one : open) what.open.push_back(path_of(one));
  w.apply(std::move(what));
}

void say_unread(engine_world& w, const std::string& path) {
  revision what;
  what.unread.push_back({path_of(path), "the disk is sick"});
  w.apply(std::move(what));
}

TEST(engine_held, a_file_open_for_writing_keeps_back_its_closure) {
  engine_world w({});
  w.refer("a.sprite", "a1", {"t.png"});
  w.save({{"t.png", "T1"}, {"other", "o1"}});
  say_open(w, {"t.png"});
  w.refer("a.sprite", "a2", {"t.png"});  // names nothing as open: t.png is closed, its bytes are the old ones
  EXPECT_EQ(w.shown_text("a.sprite"), "a2");

  say_open(w, {"t.png"});
  revision what;
  what.open = {path_of("t.png")};
  w.texts[content_of("a3")] = "a3";
  w.texts[content_of("o2")] = "o2";
  source_state sprite{content_of("a3"), {}, {}};
  sprite.references.push_back({{path_of("t.png")}, false});
  what.changes.push_back({path_of("a.sprite"), sprite});
  what.changes.push_back({path_of("other"), source_state{content_of("o2"), {}, {}}});
  w.apply(what);
  EXPECT_EQ(w.shown_text("a.sprite"), "a2");
  EXPECT_EQ(w.shown_text("other"), "o2");
  EXPECT_EQ(w.engine->behind().count, 2u);
  EXPECT_EQ(w.engine->status().failed, 0u);
  w.save({{"t.png", "T2"}});
  EXPECT_EQ(w.shown_text("a.sprite"), "a3");
  EXPECT_EQ(w.shown_text("t.png"), "T2");
  EXPECT_EQ(w.publications.back().what.changes.upserts.size(), 2u);  // together
  EXPECT_EQ(w.engine->behind().count, 0u);
}

TEST(engine_held, what_is_made_of_an_open_file_waits_for_it) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"}), command_rule("d", {"*.y"}, {"{stem}.z"})});
  w.save({{"1.x", "1"}});
  w.refer("list", "l1", {"1.x"});
  w.settle();
  say_open(w, {"1.x"});
  revision what;
  what.open = {path_of("1.x")};
  w.texts[content_of("l2")] = "l2";
  source_state list{content_of("l2"), {}, {}};
  list.references.push_back({{path_of("1.x")}, false});
  what.changes.push_back({path_of("list"), list});
  w.apply(what);
  w.settle();
  EXPECT_EQ(w.shown_text("list"), "l1");
  EXPECT_FALSE(w.idles.empty());
  const auto before = w.started.size();
  w.save({{"1.x", "1"}});  // closed, and nothing had changed
  w.settle();
  EXPECT_EQ(w.shown_text("list"), "l2");
  EXPECT_EQ(w.started.size(), before);
  EXPECT_EQ(w.engine->status().stale, 0u);
}

TEST(engine_held, an_open_file_that_goes_away_holds_nothing) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"}, {"inc/*"})});
  w.save({{"1.x", "1"}, {"inc/a", "A"}, {"inc/b", "B"}});
  w.settle();
  say_open(w, {"inc/a", "1.x"});
  EXPECT_NE(w.engine->status().stale, 0u);
  w.save({{"inc/a", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.shown_text("1.y"), "c(1:B,)");
  EXPECT_EQ(w.engine->status().stale, 0u);
}

TEST(engine_held, a_file_that_cannot_be_read_keeps_back_its_closure) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})});
  w.save({{"t.png", "T1"}, {"1.x", "1"}});
  w.refer("a.sprite", "a1", {"t.png"});
  w.refer("list", "l1", {"1.x"});
  w.settle();
  say_unread(w, "t.png");
  say_unread(w, "1.x");
  w.refer("a.sprite", "a2", {"t.png"});
  w.refer("list", "l2", {"1.x"});
  w.settle();
  EXPECT_EQ(w.shown_text("a.sprite"), "a1");
  EXPECT_EQ(w.shown_text("list"), "l1");
  ASSERT_FALSE(w.engine->behind().listed.empty());
  EXPECT_EQ(w.why("1.y").state, "failed");
  const auto before = w.started.size();
  w.save({{"t.png", "T1"}, {"1.x", "1"}});
  w.settle();
  EXPECT_EQ(w.shown_text("a.sprite"), "a2");
  EXPECT_EQ(w.shown_text("list"), "l2");
  EXPECT_EQ(w.started.size(), before);
  EXPECT_EQ(w.engine->status().failed, 0u);
  EXPECT_EQ(w.engine->behind().count, 0u);
}

/// A tool that fails while there is no licence.
struct licensed {
  bool there = false;
  void install(engine_world& w, std::string rule) {
    w.tool = [this, &w, rule](const attempt_spec& spec) {
      auto out = concatenate(w, spec);
      if (spec.rule == rule && !there)
        out.status = attempt_status::failed, out.message = "no licence", out.outputs.clear();
      return out;
    };
  }
};

TEST(engine_held, saving_an_input_with_equal_bytes_tries_again) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"}, {"*.h"}), copy_rule("h", {"*.h"}, false)});
  licensed licence;
  licence.install(w, "c");
  w.save({{"1.x", "1"}, {"a.h", "A"}});
  w.settle();
  EXPECT_EQ(w.engine->status().failed, 1u);
  w.save({{"unrelated", "u"}});
  w.settle();
  EXPECT_EQ(w.started.size(), 1u);
  w.save({{"a.h", "A"}});
  w.settle();
  EXPECT_EQ(w.started.size(), 2u);
  licence.there = true;
  w.save({{"1.x", "1"}});
  w.settle();
  EXPECT_TRUE(w.shows("1.y"));
}

TEST(engine_held, a_hidden_step_is_tried_again_by_an_event_elsewhere_in_its_closure) {
  auto hidden = command_rule("mid", {"*.low"}, {"gen/{stem}.mid"});
  hidden.publish = false;
  engine_world w({hidden, command_rule("up", {"**/*.mid"}, {"{dir}/{stem}.up"})});
  licensed licence;
  licence.install(w, "mid");
  w.save({{"a.low", "1"}});
  w.refer("l.lvl", "l1", {"gen/a.up"});
  w.settle();
  EXPECT_EQ(w.engine->status().failed, 2u);
  licence.there = true;
  w.refer("l.lvl", "l2", {"gen/a.up"});
  w.settle();
  EXPECT_EQ(w.engine->status().failed, 0u);
  EXPECT_EQ(w.shown_text("gen/a.up"), "up(mid(1:):)");
  EXPECT_EQ(w.shown_text("l.lvl"), "l2");
}

TEST(engine_held, touching_what_refers_to_a_failed_asset_tries_again) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})});
  licensed licence;
  licence.install(w, "c");
  w.save({{"1.x", "1"}});
  w.refer("l.lvl", "l1", {"1.y"});
  w.settle();
  licence.there = true;
  w.refer("l.lvl", "l1", {"1.y"});
  w.settle();
  EXPECT_TRUE(w.shows("1.y"));
}

TEST(engine_held, a_failure_is_told_to_those_who_follow_where_nothing_else_is_new) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})});
  w.save({{"1.x", "good"}, {"t", "T"}});
  w.settle();
  const auto before = w.publications.size();
  const auto last = [&]() -> const publication& { return w.publications.back().what; };
  w.save({{"1.x", "bad"}});
  w.settle();
  ASSERT_EQ(w.publications.size(), before + 1);
  EXPECT_TRUE(last().changes.empty());
  ASSERT_EQ(last().behind.count, 1u);
  EXPECT_EQ(last().behind.listed.at(0).path, path_of("1.y"));
  EXPECT_EQ(last().behind.listed[0].reason, behind_asset::why::failed);
  w.save({{"1.x", "bad"}});
  w.settle();
  EXPECT_EQ(w.publications.size(), before + 1) << "the same failure is no news";
  w.save({{"1.x", "good"}});
  w.settle();
  ASSERT_EQ(w.publications.size(), before + 2);
  EXPECT_TRUE(last().changes.empty()) << "it was shown all the time";
  EXPECT_EQ(last().behind.count, 0u);
}

TEST(engine_held, a_restart_takes_back_what_was_told_and_holds_no_more) {
  bool shown = false;
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})},
                 [&](engine_options& options) { options.shown_behind = shown; });
  w.save({{"1.x", "good"}});
  w.settle();
  w.save({{"1.x", "bad"}});
  w.settle();
  ASSERT_EQ(w.publications.back().what.behind.count, 1u);
  const auto before = w.publications.size();
  for (const bool told : {false, true}) {
    shown = told;
    w.restart();
    w.save({{"1.x", "good"}}, true);
    w.settle();
    EXPECT_EQ(w.publications.size(), before + (told ? 1u : 0u));
  }
  EXPECT_EQ(w.publications.back().what.behind.count, 0u);
}

}  // namespace
}  // namespace graphite::test
