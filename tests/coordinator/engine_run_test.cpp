#include <gtest/gtest.h>

#include "engine_world.hpp"

// An engine that builds when it is asked to: it rests, runs what is asked for, rests again.

namespace graphite::test {
namespace {

using publishing = engine_options::publishing;
using names = std::vector<std::string>;

void resting(engine_options& options) { options.dry = true; }

engine_world compiler() {
  return engine_world({command_rule("cc", {"*.c"}, {"{stem}.o"}, {"*.h"})}, resting);
}

run_options only(const std::string& path) { return {publishing::as_ready, true, {path_of(path)}}; }

asset_report about(const engine_world& w, const std::string& path) {
  return *w.engine->describe(path_of(path));
}

TEST(engine_run, a_resting_engine_knows_what_is_stale_and_starts_nothing) {
  auto w = compiler();
  w.save({{"m.c", "M"}, {"n.c", "N"}, {"x.h", "X"}, {"note.txt", "t"}});
  w.settle();
  EXPECT_TRUE(w.started.empty());
  EXPECT_TRUE(w.publications.empty());
  EXPECT_TRUE(about(w, "m.o").stale);
  EXPECT_TRUE(about(w, "m.c").stale);
  EXPECT_TRUE(about(w, "note.txt").stale);
  EXPECT_EQ(w.stale(), (names{"m.c: never built: m.c", "n.c: never built: n.c", "note.txt: not shown yet",
                              "x.h: not shown yet"}));
}

TEST(engine_run, a_build_leaves_nothing_stale_and_the_engine_rests_again) {
  auto w = compiler();
  w.save({{"m.c", "M"}, {"x.h", "X"}});
  w.build();
  EXPECT_EQ(w.shown_text("m.o"), "cc(M:X,)");
  EXPECT_EQ(w.publications.size(), 1u) << "all at once";
  EXPECT_TRUE(w.stale().empty());
  EXPECT_FALSE(about(w, "m.o").stale);
  w.save({{"m.c", "M2"}});
  w.settle();
  EXPECT_EQ(w.started.size(), 1u);
  EXPECT_EQ(w.shown_text("m.o"), "cc(M:X,)");
  EXPECT_EQ(w.stale(), names{"m.c: changed: m.c"});
  EXPECT_EQ(w.idles.back().behind, 1u);
}

TEST(engine_run, a_changed_dependency_makes_its_dependants_stale_and_nothing_else) {
  auto w = compiler();
  w.save({{"m.c", "M"}, {"x.h", "X"}, {"note.txt", "t"}});
  w.build();
  w.save({{"x.h", "X2"}});
  EXPECT_TRUE(about(w, "m.o").stale);
  EXPECT_TRUE(about(w, "m.c").stale) << "what is made of it is";
  EXPECT_TRUE(about(w, "x.h").stale);
  EXPECT_FALSE(about(w, "note.txt").stale);
  EXPECT_EQ(about(w, "m.o").dependencies, (names{"m.c", "x.h"}));
  EXPECT_EQ(about(w, "m.c").dependencies, names{"x.h"});
}

TEST(engine_run, the_same_content_again_is_not_stale) {
  auto w = compiler();
  w.save({{"m.c", "M"}, {"note.txt", "t"}});
  w.build();
  w.save({{"m.c", "M"}, {"note.txt", "t"}});
  EXPECT_TRUE(w.stale().empty());
  for (const auto* text : {"2", "bad"}) {
    w.save({{"m.c", text}, {"note.txt", text}});
    EXPECT_EQ(w.stale().size(), 2u);
    w.save({{"m.c", "M"}, {"note.txt", "t"}});
    EXPECT_TRUE(w.stale().empty()) << "it came back to what is shown";
    w.save({{"m.c", text}, {"note.txt", text}});
    w.build({publishing::as_ready, true, {}});
    EXPECT_EQ(w.shown_text("note.txt"), text);
    w.save({{"m.c", "M"}, {"note.txt", "t"}});
    w.build();
    EXPECT_EQ(w.shown_text("m.o"), "cc(M:)");
    EXPECT_EQ(w.shown_text("note.txt"), "t");
  }
}

TEST(engine_run, what_the_cache_has_is_stale_until_it_is_shown_and_runs_nothing) {
  auto w = compiler();
  w.save({{"m.c", "M"}});
  w.build();
  w.save({{"m.c", "M2"}});
  w.build();
  w.save({{"m.c", "M"}});
  EXPECT_EQ(w.stale(), names{"m.c: made already, not shown yet"});
  EXPECT_TRUE(about(w, "m.o").stale);
  w.build();
  EXPECT_EQ(w.started.size(), 2u);
  EXPECT_EQ(w.shown_text("m.o"), "cc(M:)");
}

TEST(engine_run, tasks_come_after_what_they_need) {
  engine_world w({command_rule("z", {"*.raw"}, {"{stem}.a"}), command_rule("y", {"*.a"}, {"{stem}.b"}),
                  command_rule("link", {"*.list"}, {"{stem}.out"}, {"*.b"})},
                 resting);
  w.save({{"0.list", "L"}, {"m.raw", "M"}, {"n.raw", "N"}});
  names paths;
  for (const auto& task : w.engine->stale().tasks) paths.push_back(task.path);
  EXPECT_EQ(paths, (names{"m.raw", "m.a", "n.raw", "n.a", "0.list"}));
  EXPECT_EQ(w.engine->stale(2).tasks.size(), 2u);
  EXPECT_EQ(w.engine->stale(2).left_out, 3u);
}

TEST(engine_run, a_failed_build_shows_nothing_and_the_next_one_tries_again) {
  auto w = compiler();
  w.save({{"m.c", "M"}, {"n.c", "N"}});
  w.build();
  w.save({{"m.c", "M2"}, {"n.c", "bad"}});
  w.build({publishing::all_or_nothing, false, {}});
  EXPECT_EQ(w.shown_text("m.o"), "cc(M:)");
  EXPECT_TRUE(about(w, "n.o").failed);
  EXPECT_TRUE(about(w, "n.o").stale);
  EXPECT_EQ(about(w, "n.o").message, "bad input");
  w.tool = [&](const attempt_spec& spec) {
    auto healed = w.texts;
    w.texts[content_of("bad")] = "good";
    auto out = concatenate(w, spec);
    w.texts[content_of("bad")] = "bad";
    return out;
  };
  w.build({publishing::all_or_nothing, false, {}});
  EXPECT_EQ(w.shown_text("m.o"), "cc(M2:)");
  EXPECT_EQ(w.shown_text("n.o"), "cc(good:)");
  EXPECT_TRUE(w.stale().empty());
}

TEST(engine_run, as_ready_shows_what_is_whole_beside_what_failed) {
  auto w = compiler();
  w.save({{"m.c", "M"}, {"n.c", "bad"}});
  w.build({publishing::as_ready, true, {}});
  EXPECT_EQ(w.shown_text("m.o"), "cc(M:)");
  EXPECT_FALSE(w.shows("n.o"));
  EXPECT_EQ(w.stale(), names{"n.c: bad input (failed)"});
}

TEST(engine_run, modes_may_change_from_build_to_build) {
  auto w = compiler();
  w.save({{"m.c", "M"}, {"n.c", "bad"}});
  w.build({publishing::as_ready, true, {}});
  w.save({{"m.c", "M2"}});
  w.build({publishing::all_or_nothing, false, {}});
  EXPECT_EQ(w.shown_text("m.o"), "cc(M:)");
  w.build({publishing::as_ready, true, {}});
  EXPECT_EQ(w.shown_text("m.o"), "cc(M2:)");
  w.save({{"n.c", "N"}});
  w.build({publishing::all_or_nothing, false, {}});
  EXPECT_EQ(w.shown_text("n.o"), "cc(N:)");
  EXPECT_TRUE(w.stale().empty());
}

TEST(engine_run, a_cycle_is_told_and_ends) {
  engine_world w(
      {command_rule("a", {"*.a"}, {"{stem}.x"}, {"*.y"}), command_rule("b", {"*.b"}, {"{stem}.y"}, {"*.x"})},
      resting);
  w.save({{"m.a", "A"}, {"m.b", "B"}, {"note.txt", "t"}});
  const auto x = about(w, "m.x");
  EXPECT_TRUE(x.stale && x.broken && x.failed);
  EXPECT_NE(x.message.find("cycle of build edges"), std::string::npos) << x.message;
  EXPECT_EQ(w.engine->stale().tasks.size(), 3u);
  w.build({publishing::as_ready, true, {}});
  EXPECT_TRUE(w.shows("note.txt"));
  EXPECT_EQ(w.engine->stale().tasks.size(), 2u);
  w.save({{"m.b", std::nullopt}});
  w.build();
  EXPECT_TRUE(w.shows("m.x"));
}

TEST(engine_run, only_what_a_target_needs_is_run_and_shown) {
  engine_world w({command_rule("z", {"*.raw"}, {"{stem}.a"}), command_rule("y", {"*.a"}, {"{stem}.b"})},
                 resting);
  w.save({{"m.raw", "M"}, {"n.raw", "N"}, {"note.txt", "t"}});
  w.build(only("m.b"));
  EXPECT_EQ(w.shown_text("m.b"), "y(z(M:):)");
  EXPECT_FALSE(w.shows("n.b"));
  EXPECT_FALSE(w.shows("note.txt"));
  EXPECT_EQ(w.started.size(), 2u);
  EXPECT_FALSE(about(w, "m.raw").stale);
  w.build(only("n.raw"));
  EXPECT_EQ(w.shown_text("n.b"), "y(z(N:):)") << "a source means what is made of it";
  w.build();
  EXPECT_TRUE(w.shows("note.txt"));
  EXPECT_EQ(w.started.size(), 4u);
  EXPECT_TRUE(w.stale().empty());
}

TEST(engine_run, a_target_comes_with_what_must_be_shown_with_it) {
  engine_world w({command_rule("tex", {"*.png"}, {"{stem}.dds"})}, resting);
  w.save({{"skin.png", "S"}, {"other.png", "O"}});
  w.refer("hero.mesh", "H", {"skin.dds"});
  w.build(only("hero.mesh"));
  EXPECT_TRUE(w.shows("hero.mesh"));
  EXPECT_TRUE(w.shows("skin.dds"));
  EXPECT_FALSE(w.shows("other.dds"));
  w.save({{"skin.png", "bad"}});
  w.refer("hero.mesh", "H2", {"skin.dds"});
  w.build(only("hero.mesh"));
  EXPECT_EQ(w.shown_text("hero.mesh"), "H") << "its skin failed";
  EXPECT_TRUE(about(w, "hero.mesh").stale);
  w.save({{"skin.png", "S2"}});
  w.build(only("skin.png"));
  EXPECT_EQ(w.shown_text("hero.mesh"), "H2");
  EXPECT_EQ(w.shown_text("skin.dds"), "tex(S2:)");
}

TEST(engine_run, an_unknown_target_is_refused) {
  auto w = compiler();
  w.save({{"mast.c", "M"}});
  const auto refused = w.engine->run(only("mist.c"), w.now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::not_found);
  EXPECT_NE(refused.error().context.find("did you mean mast.c"), std::string::npos);
  EXPECT_TRUE(w.started.empty());
}

TEST(engine_run, a_cancelled_build_shows_nothing_and_the_next_one_runs_everything) {
  auto w = compiler();
  w.save({{"m.c", "M"}, {"n.c", "N"}});
  w.start();
  EXPECT_EQ(w.running.size(), 2u);
  w.cancel();
  EXPECT_EQ(w.cancels, 2u);
  EXPECT_EQ(w.engine->status().running, 0u);
  EXPECT_EQ(w.engine->status().queued, 0u);
  EXPECT_EQ(w.idles.back().behind, 2u);
  EXPECT_EQ(w.stale().size(), 2u);
  w.save({{"o.c", "O"}});
  w.settle();
  EXPECT_EQ(w.started.size(), 2u) << "it rests";
  EXPECT_TRUE(w.publications.empty());
  w.build();
  EXPECT_EQ(w.shown_text("m.o"), "cc(M:)");
  EXPECT_EQ(w.shown_text("o.o"), "cc(O:)");
  EXPECT_TRUE(w.stale().empty());
}

TEST(engine_run, an_attempt_that_was_refused_does_not_keep_a_cancelled_build) {
  auto w = compiler();
  w.save({{"m.c", "M"}});
  w.tool = [](const attempt_spec& spec) {
    attempt_result out;
    out.action = spec.action;
    out.attempt = spec.attempt;
    out.status = attempt_status::refused;
    return out;
  };
  w.start();
  w.end(0);
  const auto idles = w.idles.size();
  w.cancel();
  EXPECT_EQ(w.idles.size(), idles + 1);
  EXPECT_EQ(w.stale(), names{"m.c: never built: m.c"});
}

TEST(engine_run, a_restart_finds_the_same_stale) {
  auto w = compiler();
  w.save({{"m.c", "M"}, {"n.c", "N"}});
  w.build();
  w.save({{"m.c", "M2"}});
  const auto before = w.stale();
  w.restart();
  w.save({{"m.c", "M2"}});
  ASSERT_EQ(w.stale().size(), before.size());
  EXPECT_TRUE(about(w, "m.o").stale);
  EXPECT_FALSE(about(w, "n.o").stale);
  w.build();
  EXPECT_EQ(w.started.size(), 3u);
}

TEST(engine_run, all_or_nothing_shows_nothing_while_a_source_is_being_written) {
  auto w = compiler();
  w.save({{"a.txt", "A"}, {"b.txt", "B"}});
  w.build();
  const auto change = [&](const std::string& text, bool open) {
    revision what;
    what.changes.push_back({path_of("b.txt"), source_state{content_of(text), {}, {}}});
    w.texts[content_of(text)] = text;
    if (open) what.open = {path_of("a.txt")};
    w.apply(std::move(what));
  };
  change("B2", true);
  EXPECT_EQ(w.stale(), (names{"a.txt: being written", "b.txt: changed"}));
  w.build({publishing::all_or_nothing, false, {}});
  EXPECT_EQ(w.shown_text("b.txt"), "B");
  w.build({publishing::as_ready, true, {}});
  EXPECT_EQ(w.shown_text("b.txt"), "B2");
  change("B3", false);
  w.build({publishing::all_or_nothing, false, {}});
  EXPECT_EQ(w.shown_text("b.txt"), "B3");
  EXPECT_TRUE(w.stale().empty());
}

TEST(engine_run, what_is_gone_is_stale_until_it_is_no_longer_shown) {
  auto w = compiler();
  w.save({{"m.c", "M"}, {"note.txt", "t"}});
  w.build();
  w.save({{"m.c", std::nullopt}, {"note.txt", std::nullopt}});
  EXPECT_TRUE(about(w, "note.txt").stale);
  EXPECT_TRUE(about(w, "m.o").stale);
  w.build();
  EXPECT_FALSE(w.shows("m.o"));
  EXPECT_EQ(w.engine->describe(path_of("note.txt")).error().code, errc::not_found);
  EXPECT_TRUE(w.stale().empty());
}

}  // namespace
}  // namespace graphite::test
