#include <gtest/gtest.h>

#include "engine_world.hpp"

namespace graphite::test {
namespace {

TEST(engine_build, publishes_an_unmatched_source_at_once_without_an_attempt) {
  engine_world w({});
  w.save({{"a.txt", "one"}, {"d/b.txt", "two"}});
  EXPECT_EQ(w.shown_text("a.txt"), "one");
  EXPECT_EQ(w.shown_text("d/b.txt"), "two");
  EXPECT_TRUE(w.started.empty());
  EXPECT_EQ(w.publications.size(), 1u);
  ASSERT_EQ(w.idles.size(), 1u);
  EXPECT_EQ(w.idles[0].assets, 2u);
}

TEST(engine_build, runs_a_command_and_publishes_its_outputs_instead_of_its_input) {
  engine_world w({command_rule("conv", {"*.png"}, {"{dir}/{stem}.dds"})});
  w.save({{"t/a.png", "A"}, {"b.png", "B"}});
  EXPECT_TRUE(w.channel.empty());
  w.settle();
  EXPECT_EQ(w.shown_text("t/a.dds"), "conv(A:)");
  EXPECT_EQ(w.shown_text("b.dds"), "conv(B:)");  // no leading slash at the root
  EXPECT_FALSE(w.shows("b.png"));
  EXPECT_EQ(w.idles.back().ran, 2u);
}

TEST(engine_build, follows_chains_of_rules_and_keeps_unpublished_steps_to_itself) {
  auto first = command_rule("one", {"*.a"}, {"{stem}.b"});
  first.publish = false;
  engine_world w({first, command_rule("two", {"*.b"}, {"{stem}.c"})});
  w.save({{"x.a", "X"}});
  w.settle();
  EXPECT_EQ(w.shown_text("x.c"), "two(one(X:):)");
  EXPECT_EQ(w.channel.size(), 1u);
}

TEST(engine_build, a_removed_source_takes_its_outputs_along) {
  engine_world w({command_rule("conv", {"*.png"}, {"{stem}.dds"})});
  w.save({{"a.png", "A"}, {"k", "K"}});
  w.settle();
  w.save({{"a.png", std::nullopt}});
  EXPECT_EQ(w.channel.size(), 1u);
  EXPECT_TRUE(w.shows("k"));
}

TEST(engine_build, a_complete_scan_drops_what_it_does_not_name) {
  engine_world w({});
  w.save({{"a", "1"}, {"b", "2"}});
  w.save({{"b", "2"}}, true);
  EXPECT_FALSE(w.shows("a"));
  EXPECT_TRUE(w.shows("b"));
}

TEST(engine_build, glob_inputs_wait_for_generated_files_and_new_matches_make_stale) {
  engine_world w({command_rule("gen", {"*.idl"}, {"inc/{stem}.h"}),
                  command_rule("cc", {"*.c"}, {"{stem}.o"}, {"inc/*.h"})});
  w.save({{"m.c", "M"}, {"x.idl", "X"}, {"inc/y.h", "Y"}});
  w.settle();
  EXPECT_EQ(w.shown_text("m.o"), "cc(M:gen(X:),Y,)");
  w.save({{"inc/z.h", "Z"}});
  w.settle();
  EXPECT_EQ(w.shown_text("m.o"), "cc(M:gen(X:),Y,Z,)");
  w.save({{"inc/y.h", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.shown_text("m.o"), "cc(M:gen(X:),Z,)");
}

TEST(engine_build, equal_outputs_do_not_make_dependants_run) {
  engine_world w({command_rule("gen", {"*.a"}, {"{stem}.b"}), command_rule("two", {"*.b"}, {"{stem}.c"})});
  w.tool = [&](const attempt_spec& spec) {
    auto out = concatenate(w, spec);
    if (spec.rule == "gen") out.outputs[0].content = content_of("same");
    return out;
  };
  w.save({{"x.a", "1"}});
  w.settle();
  ASSERT_EQ(w.started.size(), 2u);
  const auto shown = w.publications.size();
  w.save({{"x.a", "2"}});
  w.settle();
  EXPECT_EQ(w.started.size(), 3u);
  EXPECT_EQ(w.publications.size(), shown);
  EXPECT_EQ(w.engine->status().stale, 0u);
}

TEST(engine_build, scanned_references_of_a_command_are_build_inputs_transitively) {
  engine_world w({command_rule("sh", {"*.glsl"}, {"{stem}.spv"}), copy_rule("inc", {"*.inc"}, false)});
  w.refer("b.inc", "B", {"c.inc"});
  w.refer("c.inc", "C", {});
  w.refer("a.glsl", "A", {"b.inc"});
  w.settle();
  EXPECT_EQ(w.shown_text("a.spv"), "sh(A:B,C,)");
  w.refer("c.inc", "C2", {});
  w.settle();
  EXPECT_EQ(w.shown_text("a.spv"), "sh(A:B,C2,)");
}

TEST(engine_build, an_earlier_candidate_that_appears_changes_the_resolution) {
  engine_world w({command_rule("sh", {"*.glsl"}, {"{stem}.spv"}), copy_rule("inc", {"**/*.inc"}, false)});
  w.refer("lib/x.inc", "LIB", {});
  w.refer("a.glsl", "A", {"x.inc|lib/x.inc"});
  w.settle();
  EXPECT_EQ(w.shown_text("a.spv"), "sh(A:LIB,)");
  w.refer("x.inc", "OWN", {});
  w.settle();
  EXPECT_EQ(w.shown_text("a.spv"), "sh(A:OWN,)");
  w.save({{"x.inc", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.shown_text("a.spv"), "sh(A:LIB,)");
}

TEST(engine_build, a_missing_reference_warns_and_a_required_one_fails_its_asset) {
  engine_world w({});
  w.refer("s.txt", "S", {"gone.png|alt/gone.png"});
  EXPECT_TRUE(w.shows("s.txt"));
  EXPECT_EQ(w.told("refers to gone.png, which does not exist; also tried alt/gone.png"), 1u);
  w.refer("r.txt", "R", {"!gone.png"});
  EXPECT_FALSE(w.shows("r.txt"));
  EXPECT_EQ(w.engine->behind().listed.at(0).path.str(), "r.txt");
  w.save({{"gone.png", "G"}});
  EXPECT_TRUE(w.shows("r.txt"));
  EXPECT_EQ(w.channel.at("s.txt").references, std::vector<asset_id>{id_of_path_text("gone.png")});
}

TEST(engine_build, two_producers_of_one_path_both_fail_and_name_each_other) {
  engine_world w({command_rule("conv", {"*.png", "*.tga"}, {"{stem}.dds"})});
  w.save({{"a.png", "P"}, {"a.tga", "T"}, {"b.png", "B"}});
  w.settle();
  EXPECT_GE(w.told("two producers of a.dds"), 1u);
  EXPECT_FALSE(w.shows("a.dds"));
  EXPECT_TRUE(w.shows("b.dds"));
  w.save({{"a.tga", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.shown_text("a.dds"), "conv(P:)");
}

TEST(engine_build, a_source_that_takes_an_outputs_name_stays_and_the_action_fails) {
  engine_world w({command_rule("conv", {"*.png"}, {"{stem}.dds"})});
  w.save({{"a.png", "P"}});
  w.settle();
  w.save({{"a.dds", "mine"}});
  w.settle();
  EXPECT_EQ(w.shown_text("a.dds"), "mine");
  EXPECT_EQ(w.told("two producers of a.dds: it is a source"), 1u);
  w.save({{"a.dds", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.shown_text("a.dds"), "conv(P:)");
}

/// Of this stem a fivefold one is longer than a glob may be.
const std::string long_stem(220, 'l');

TEST(engine_build, inputs_that_make_no_glob_stay_a_failure_after_a_conflict_of_outputs) {
  engine_world w({command_rule("conv", {"*.png"}, {"{stem}.dds"}, {"{stem}{stem}{stem}{stem}{stem}/*.h"}),
                  command_rule("other", {"*.tga"}, {"{stem}.dds"})});
  w.save({{long_stem + ".png", "P"}, {"short.png", "S"}});
  w.settle();
  EXPECT_EQ(w.told("inputs: a pattern is over 1024 bytes"), 1u);
  EXPECT_TRUE(w.shows("short.dds"));
  w.save({{long_stem + ".tga", "T"}});
  w.settle();
  EXPECT_GE(w.told("two producers of"), 1u);
  w.save({{long_stem + ".tga", std::nullopt}});
  w.settle();
  EXPECT_FALSE(w.shows(long_stem + ".dds")) << "made without its inputs";
  EXPECT_EQ(w.idles.back().failed, 1u);
  EXPECT_EQ(w.why(long_stem + ".dds").message, "inputs: a pattern is over 1024 bytes");
}

TEST(engine_build, inputs_that_make_no_glob_stay_a_failure_after_a_restart) {
  engine_world w({command_rule("conv", {"*.png"}, {"{stem}*.dds"}, {"{stem}{stem}{stem}{stem}{stem}/*.h"})});
  w.save({{long_stem + ".png", "P"}});
  w.settle();
  w.restart();
  w.save({});
  w.settle();
  EXPECT_EQ(w.idles.back().failed, 1u);
}

TEST(engine_build, a_cycle_stays_one_after_a_conflict_of_outputs) {
  engine_world w({command_rule("one", {"*.a"}, {"out/{stem}.b"}, {"out/*.c"}),
                  command_rule("two", {"*.d"}, {"out/{stem}.c"}, {"out/*.b"}),
                  command_rule("three", {"*.e"}, {"out/{stem}.b"})});
  w.save({{"x.a", "A"}, {"y.d", "D"}});
  w.settle();
  ASSERT_EQ(w.idles.back().failed, 2u);
  w.save({{"x.e", "E"}});
  w.settle();
  w.save({{"x.e", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.engine->cycles().size(), 1u);
  EXPECT_EQ(w.idles.back().failed, 2u);
  w.save({{"y.d", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.shown_text("out/x.b"), "one(A:)");
}

TEST(engine_build, a_conflict_of_outputs_stays_one_after_a_cycle) {
  engine_world w({command_rule("one", {"*.a"}, {"out/{stem}.b"}, {"out/*.c"}),
                  command_rule("two", {"*.d"}, {"out/{stem}.c"}, {"out/*.b"}),
                  command_rule("three", {"*.e"}, {"out/{stem}.b"})});
  w.save({{"x.a", "A"}, {"y.d", "D"}});
  w.settle();
  w.save({{"x.e", "E"}});
  w.settle();
  ASSERT_EQ(w.engine->cycles().size(), 1u);
  w.save({{"y.d", std::nullopt}});
  w.settle();
  EXPECT_TRUE(w.engine->cycles().empty());
  EXPECT_EQ(w.idles.back().failed, 2u);
  EXPECT_FALSE(w.shows("out/x.b")) << "neither of its two producers may make it";
}

TEST(engine_build, reports_a_cycle_with_its_whole_path_and_builds_the_rest) {
  engine_world w({command_rule("one", {"*.a"}, {"out/{stem}.b"}, {"out/*.c"}),
                  command_rule("two", {"*.d"}, {"out/{stem}.c"}, {"out/*.b"})});
  w.save({{"x.a", "A"}, {"y.d", "D"}, {"k", "K"}});
  w.settle();
  EXPECT_GE(w.told("out/x.b needs out/y.c needs out/x.b") + w.told("out/y.c needs out/x.b needs out/y.c"),
            1u);
  EXPECT_TRUE(w.shows("k"));
  EXPECT_EQ(w.engine->cycles().size(), 1u);
  EXPECT_EQ(w.idles.back().failed, 2u);
  w.save({{"y.d", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.shown_text("out/x.b"), "one(A:)");
  EXPECT_TRUE(w.engine->cycles().empty());
}

TEST(engine_build, cycles_of_run_time_references_are_fine) {
  engine_world w({});
  w.refer("a", "A", {"b"});
  w.refer("b", "B", {"a"});
  EXPECT_EQ(w.channel.at("a").references, std::vector<asset_id>{id_of_path_text("b")});
  EXPECT_TRUE(w.shows("b"));
}

TEST(engine_build, at_most_jobs_attempts_are_in_flight) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})}, [](engine_options& o) { o.jobs = 2; });
  w.save({{"1.x", "1"}, {"2.x", "2"}, {"3.x", "3"}, {"4.x", "4"}, {"5.x", "5"}});
  EXPECT_EQ(w.running.size(), 2u);
  w.settle();
  EXPECT_EQ(w.channel.size(), 5u);
}

TEST(engine_build, a_failed_action_is_told_listed_and_retried_by_an_event_in_its_closure) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})});
  bool broken = true;
  w.tool = [&](const attempt_spec& spec) {
    auto out = concatenate(w, spec);
    if (broken) out.status = attempt_status::failed, out.message = "no licence", out.outputs.clear();
    return out;
  };
  w.refer("level", "L", {"1.y"});
  w.save({{"1.x", "1"}, {"free", "F"}});
  w.settle();
  EXPECT_EQ(w.told("no licence"), 1u);
  EXPECT_TRUE(w.shows("free"));
  EXPECT_FALSE(w.shows("1.y"));
  EXPECT_EQ(w.engine->behind().count, 2u);  // the level means it, and is held with it
  EXPECT_EQ(w.engine->behind().listed.at(1).path, path_of("level"));
  EXPECT_EQ(w.engine->behind().listed[1].message, "waits for 1.y, which failed");
  broken = false;
  w.save({{"free", "F2"}});
  EXPECT_TRUE(w.running.empty());
  w.refer("level", "L2", {"1.y"});
  w.settle();
  EXPECT_TRUE(w.shows("1.y"));
  EXPECT_EQ(w.shown_text("level"), "L2");
  EXPECT_EQ(w.engine->behind().count, 0u);
}

TEST(engine_build, who_waits_for_a_build_waits_for_refused_attempts_but_not_for_ever) {
  engine_world w({command_rule("cc", {"*.c"}, {"{stem}.o"})});
  w.tool = [](const attempt_spec& spec) {
    attempt_result out;
    out.action = spec.action;
    out.attempt = spec.attempt;
    out.status = attempt_status::refused;
    out.message = "the disk is full";
    return out;
  };
  w.save({{"m.c", "M"}});
  w.run_for(milliseconds(150));
  EXPECT_EQ(w.engine->status().retried, 1u);
  EXPECT_EQ(w.engine->status().failed, 0u);
  EXPECT_EQ(w.told("the disk is full; it is tried again"), 1u);
  w.run_for(seconds(20));
  EXPECT_EQ(w.engine->status().retried, 0u);
  EXPECT_EQ(w.engine->status().failed, 1u);
  EXPECT_EQ(w.told("the disk is full; it is tried again"), 1u);
  EXPECT_EQ(w.told("the disk is full; it goes on being tried"), 1u);
  w.tool = [&w](const attempt_spec& spec) { return concatenate(w, spec); };
  w.settle();
  EXPECT_EQ(w.engine->status().failed, 0u);
  EXPECT_TRUE(w.shows("m.o"));
}

TEST(engine_build, a_refused_attempt_is_tried_again_later) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})});
  int refusals = 3;
  w.tool = [&](const attempt_spec& spec) {
    auto out = concatenate(w, spec);
    if (refusals-- > 0) out.status = attempt_status::refused, out.outputs.clear();
    return out;
  };
  w.save({{"1.x", "1"}});
  w.settle();
  EXPECT_TRUE(w.shows("1.y"));
  EXPECT_EQ(w.started.size(), 4u);
  EXPECT_GE(w.now - time_from_ns(1'000'000'000), milliseconds(250 + 500 + 1'000));
}

TEST(engine_build, wildcard_outputs_are_known_after_the_run) {
  engine_world w(
      {command_rule("cut", {"*.atlas"}, {"{stem}/*.tile"}), command_rule("t", {"**/*.tile"}, {"{in}.bin"})});
  int tiles = 3;
  w.tool = [&](const attempt_spec& spec) {
    auto out = concatenate(w, spec);
    if (spec.rule != "cut") return out;
    for (int i = 0; i < tiles; ++i) {
      const auto text = "tile" + std::to_string(i);
      w.texts[content_of(text)] = text;
      out.outputs.push_back({path_of("a/" + std::to_string(i) + ".tile"), content_of(text)});
    }
    return out;
  };
  w.save({{"a.atlas", "1"}});
  w.settle();
  EXPECT_EQ(w.channel.size(), 3u);
  EXPECT_EQ(w.shown_text("a/2.tile.bin"), "t(tile2:)");
  tiles = 2;
  w.save({{"a.atlas", "2"}});
  w.settle();
  EXPECT_EQ(w.channel.size(), 2u);
}

TEST(engine_build, sources_with_glob_characters_in_their_names_keep_their_outputs) {
  engine_world w({command_rule("up", {"**/*.low"}, {"{dir}/{stem}.up"}, {"{dir}/*.h"}),
                  copy_rule("h", {"**/*.h"}, false)});
  const std::vector<std::string> stems{"a[1]", "b?", "c*", "d{x,y}", "e[2]/f", "g{x,y}*/h"};
  for (const auto& stem : stems) w.save({{stem + ".low", "1"}});
  w.save({{"e[2]/x.h", "E"}, {"g{x,y}*/x.h", "G"}, {"gx/x.h", "wrong"}, {"top.h", "T"}});
  w.settle();
  EXPECT_EQ(w.engine->status().failed, 0u);
  EXPECT_EQ(w.told("not among the rule's outputs"), 0u);
  EXPECT_EQ(w.channel.size(), stems.size());
  EXPECT_EQ(w.shown_text("a[1].up"), "up(1:T,)");
  EXPECT_EQ(w.shown_text("e[2]/f.up"), "up(1:E,)");
  EXPECT_EQ(w.shown_text("g{x,y}*/h.up"), "up(1:G,)");
  const auto before = w.started.size();
  w.restart();
  w.save({});
  w.settle();
  EXPECT_EQ(w.started.size(), before);
  EXPECT_EQ(w.channel.size(), stems.size());
}

TEST(engine_build, an_extension_is_filled_in_without_its_dot) {
  engine_world w({command_rule("z", {"*.low"}, {"{stem}.{ext}.gz"})});
  w.save({{"a.low", "1"}});
  w.settle();
  EXPECT_TRUE(w.shows("a.low.gz"));
}

TEST(engine_build, a_wildcard_output_without_folder_takes_files_of_the_root_only) {
  engine_world w({command_rule("cut", {"*.atlas"}, {"*.tile"})});
  w.tool = [&](const attempt_spec& spec) {
    auto out = concatenate(w, spec);
    for (const auto* name : {"a.tile", "below/b.tile"})
      out.outputs.push_back({path_of(name), content_of("t")});
    return out;
  };
  w.save({{"a.atlas", "1"}});
  w.settle();
  EXPECT_TRUE(w.shows("a.tile"));
  EXPECT_EQ(w.channel.size(), 1u);
}

TEST(engine_build, all_or_nothing_publishes_once_and_only_without_failures) {
  const auto at_end = [](engine_options& o) {
    o.mode = engine_options::publishing::all_or_nothing;
    o.keep_going = false;
  };
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})}, at_end);
  w.save({{"1.x", "1"}, {"2.x", "bad"}, {"t", "T"}});
  w.settle();
  EXPECT_TRUE(w.publications.empty());
  EXPECT_EQ(w.idles.back().failed, 1u);
  w.save({{"2.x", "2"}});
  w.settle();
  ASSERT_EQ(w.publications.size(), 1u);
  EXPECT_EQ(w.channel.size(), 3u);
}

TEST(engine_build, a_failure_that_ends_a_build_leaves_nothing_queued) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})}, [](engine_options& o) {
    o.mode = engine_options::publishing::all_or_nothing;
    o.keep_going = false;
    o.jobs = 1;
  });
  w.save({{"1.x", "bad"}, {"2.x", "2"}, {"3.x", "3"}});
  EXPECT_EQ(w.engine->status().queued, 2u);
  w.settle();
  EXPECT_EQ(w.started.size(), 1u);
  EXPECT_EQ(w.engine->status().queued, 0u) << "who waits for the build would wait for ever";
  EXPECT_EQ(w.idles.size(), 1u);
  w.save({{"1.x", "good"}});
  w.settle();
  EXPECT_EQ(w.channel.size(), 3u);
}

TEST(engine_build, a_source_that_cannot_be_read_fails_the_build_and_keeps_what_it_was) {
  engine_world w({}, [](engine_options& o) {
    o.mode = engine_options::publishing::all_or_nothing;
    o.keep_going = false;
  });
  w.save({{"a", "1"}, {"b", "2"}});
  ASSERT_EQ(w.publications.size(), 1u);
  revision what;
  what.unread.push_back({path_of("a"), "the disk is full"});
  w.apply(what);
  w.save({{"b", "3"}});
  EXPECT_EQ(w.publications.size(), 1u);
  EXPECT_EQ(w.engine->status().failed, 1u);
  ASSERT_EQ(w.engine->behind().listed.size(), 2u);
  EXPECT_EQ(w.engine->behind().listed[0].message, "the disk is full");
  w.save({{"a", "4"}});
  EXPECT_EQ(w.engine->status().failed, 0u);
  EXPECT_EQ(w.shown_text("a") + w.shown_text("b"), "43");
}

TEST(engine_build, keep_going_publishes_what_can_be) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})},
                 [](engine_options& o) { o.mode = engine_options::publishing::all_or_nothing; });
  w.save({{"1.x", "1"}, {"2.x", "bad"}, {"t", "T"}});
  w.settle();
  ASSERT_EQ(w.publications.size(), 1u);
  EXPECT_EQ(w.channel.size(), 2u);
}

TEST(engine_build, a_dry_engine_lists_what_would_run_and_starts_nothing) {
  engine_world w({command_rule("one", {"*.a"}, {"{stem}.b"}), command_rule("two", {"*.b"}, {"{stem}.c"})},
                 [](engine_options& o) { o.dry = true; });
  w.save({{"x.a", "X"}});
  EXPECT_TRUE(w.started.empty());
  const auto list = w.engine->dry_run();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].main_input, "x.a");
  EXPECT_TRUE(list[0].certain);
  EXPECT_FALSE(list[1].certain);
}

revision stamped(std::map<std::string, std::string> changes, std::int64_t at_ns) {
  revision what;
  for (const auto& [name, text] : changes)
    what.changes.push_back({path_of(name), source_state{content_of(text), {}, {}}});
  what.times.hashed = time_from_ns(at_ns);
  what.trace = trace_id{static_cast<std::uint64_t>(at_ns)};
  return what;
}

TEST(engine_times, a_publication_tells_when_its_actions_ran_whatever_was_saved_meanwhile) {
  engine_world w({command_rule("cc", {"*.c"}, {"{stem}.o"})});
  const auto begin = w.now;
  w.apply(stamped({{"m.c", "M"}, {"copy", "C"}}, 7));
  w.run_for(milliseconds(50));
  w.apply(stamped({}, 8));  // nothing changed
  w.settle();
  const auto last = std::find_if(w.publications.begin(), w.publications.end(), [](const auto& one) {
    return one.what.changes.upserts.back().path.str() == "m.o";
  });
  ASSERT_NE(last, w.publications.end());
  EXPECT_EQ(last->what.trace, trace_id{7});
  EXPECT_EQ(last->what.times.hashed, time_from_ns(7));
  EXPECT_EQ(last->what.times.scheduled, begin);
  EXPECT_EQ(last->what.times.built, begin + milliseconds(100));
}

TEST(engine_times, what_is_shown_together_has_the_last_times_of_each_stage) {
  engine_world w({command_rule("cc", {"*.c"}, {"{stem}.o"})},
                 [](engine_options& options) { options.mode = engine_options::publishing::all_or_nothing; });
  w.apply(stamped({{"m.c", "M"}, {"z", "a copy"}}, 7));
  w.settle();
  ASSERT_EQ(w.publications.size(), 1u);
  EXPECT_EQ(w.publications[0].what.times.built, w.now);
}

}  // namespace
}  // namespace graphite::test
