#include <gtest/gtest.h>

#include "engine_world.hpp"

namespace graphite::test {
namespace {

std::vector<rule_spec> rules() {
  return {command_rule("gen", {"*.idl"}, {"inc/{stem}.h"}),
          command_rule("cc", {"*.c"}, {"{stem}.o"}, {"inc/*.h"})};
}

void fill(engine_world& w) {
  w.save({{"m.c", "M"}, {"n.c", "N"}, {"x.idl", "X"}, {"inc/y.h", "Y"}, {"t/readme", "R"}});
  w.refer("level", "L", {"m.o", "t/readme", "none"});
  w.settle();
}

TEST(engine_restart, with_unchanged_inputs_starts_nothing_and_publishes_nothing) {
  engine_world w(rules());
  fill(w);
  const auto before = w.channel;
  const auto attempts = w.started.size(), shown = w.publications.size();
  w.restart();
  w.apply({});
  w.settle();
  EXPECT_EQ(w.started.size(), attempts);
  EXPECT_EQ(w.publications.size(), shown);
  EXPECT_EQ(w.engine->status().stale, 0u);
  EXPECT_EQ(w.engine->status().assets, before.size());
}

TEST(engine_restart, outputs_that_were_lost_are_made_again_and_nothing_else_is) {
  engine_world w(rules());
  fill(w);
  const auto before = w.channel;
  const auto header = w.shown_text("inc/x.h");
  const auto attempts = w.started.size(), shown = w.publications.size();
  w.lose({header});
  w.settle();
  ASSERT_EQ(w.started.size(), attempts + 1) << "its users find their inputs as they were";
  EXPECT_EQ(w.started.back().main_input.str(), "x.idl");
  EXPECT_EQ(w.channel, before);
  EXPECT_EQ(w.publications.size(), shown);
  EXPECT_EQ(w.engine->status().stale, 0u);
  w.lose({});
  w.settle();
  EXPECT_EQ(w.started.size(), attempts + 1);
}

TEST(engine_restart, outputs_that_were_lost_before_a_start_are_made_again_after_the_first_revision) {
  engine_world w(rules());
  fill(w);
  const auto attempts = w.started.size();
  const auto object = w.shown_text("m.o");
  w.restart();
  w.lose({object});
  EXPECT_EQ(w.started.size(), attempts) << "nothing starts before the tree was looked at";
  w.save({{"n.c", "changed meanwhile"}});
  w.settle();
  EXPECT_EQ(w.started.size(), attempts + 2);
  EXPECT_EQ(w.shown_text("m.o"), object);
  EXPECT_EQ(w.engine->status().stale, 0u);
}

TEST(engine_restart, with_other_rules_what_was_only_read_or_scanned_is_read_again) {
  engine_world w(rules());
  revision what;
  for (const std::string name : {"m.c", "t/readme", "level"}) {
    w.texts[content_of(name)] = name;
    source_state state{content_of(name), {1, 2, name.size(), 4, 5, true}, {}};
    if (name == "level") state.references.push_back({{path_of("t/readme")}, false});
    what.changes.push_back({path_of(name), state});
  }
  w.apply(what);
  w.settle();
  const auto known = [&](const std::string& path) {
    const auto all = w.engine->sources();
    const auto* signature = all.find(path);
    return signature != nullptr && signature->trusted;
  };
  w.restart();
  EXPECT_TRUE(known("m.c") && known("level") && known("t/readme"));
  w.config.rules.clear();  // all are copies now
  w.restart();
  EXPECT_FALSE(known("m.c")) << "its bytes were not stored";
  EXPECT_FALSE(known("level")) << "other rules may find other references";
  EXPECT_TRUE(known("t/readme"));
}

TEST(engine_restart, sources_whose_contents_were_lost_are_named) {
  engine_world w(rules());
  fill(w);
  const auto stored = [](const digest& content) { return content != content_of("Y").id; };
  EXPECT_EQ(w.engine->sources_not_stored(stored), std::vector<std::string>{"inc/y.h"});
}

TEST(engine_restart, the_sources_come_back_with_signature_and_references) {
  engine_world w({});
  revision what;
  source_state state{content_of("A"), {1, 2, 1, -4, 5, true}, {{{path_of("b"), path_of("c")}, true}}};
  what.changes.push_back({path_of("d/a"), state});
  w.apply(what);
  w.save({{"c", "C"}});
  w.restart();
  const auto sources = w.engine->sources();
  ASSERT_EQ(sources.size(), 2u);
  const auto* back = sources.find("d/a");
  ASSERT_NE(back, nullptr);
  EXPECT_TRUE(back->trusted);
  EXPECT_EQ(back->mtime_ns, -4);
  EXPECT_EQ(w.engine->deps(path_of("d/a"))->paths, std::vector<std::string>{"c"});
}

TEST(engine_restart, a_source_read_again_with_the_same_bytes_has_not_changed) {
  engine_world w({});
  const auto read = [&](std::int64_t mtime_ns) {
    revision what;
    what.changes.push_back({path_of("a"), source_state{content_of("A"), {1, 2, 1, mtime_ns, 5, true}, {}}});
    w.apply(what);
  };
  read(1);
  EXPECT_EQ(w.engine->counters().source_changes, 1u);
  read(2);
  EXPECT_EQ(w.engine->counters().source_changes, 1u);
  w.restart();
  EXPECT_EQ(w.engine->sources().find("a")->mtime_ns, 2);
  w.save({{"a", "B"}});
  w.save({{"a", std::nullopt}});
  EXPECT_EQ(w.engine->counters().source_changes, 2u);
}

TEST(engine_restart, builds_only_what_changed_while_it_was_down) {
  engine_world w(rules());
  fill(w);
  const auto attempts = w.started.size();
  w.restart();
  w.save({{"m.c", "M2"}});
  w.settle();
  EXPECT_EQ(w.started.size(), attempts + 1);
  EXPECT_EQ(w.shown_text("m.o"), "cc(M2:gen(X:),Y,)");
}

TEST(engine_restart, in_the_middle_of_a_build_loses_nothing) {
  engine_world w(rules());
  fill(w);
  w.save({{"x.idl", "X2"}, {"t/readme", "R2"}});
  w.restart();  // nothing of the running attempt is known any more
  w.save({{"x.idl", "X2"}, {"t/readme", "R2"}});
  w.settle();
  EXPECT_EQ(w.shown_text("m.o"), "cc(M:gen(X2:),Y,)");
  EXPECT_EQ(w.shown_text("t/readme"), "R2");
  EXPECT_EQ(w.engine->behind().count, 0u);
}

TEST(engine_restart, a_removal_while_it_was_down_is_found_by_the_scan) {
  engine_world w(rules());
  fill(w);
  w.restart();
  w.save({{"n.c", "N"}, {"x.idl", "X"}, {"inc/y.h", "Y"}, {"t/readme", "R"}}, true);
  w.settle();
  EXPECT_FALSE(w.shows("m.o"));
  EXPECT_FALSE(w.shows("level"));
  EXPECT_TRUE(w.shows("n.o"));
}

TEST(engine_restart, another_rule_builds_again_and_removes_what_it_no_longer_makes) {
  engine_world w(rules());
  fill(w);
  w.config.rules[1].outputs = {"{stem}.obj"};
  w.restart();
  w.apply({});
  w.settle();
  EXPECT_FALSE(w.shows("m.o"));
  EXPECT_TRUE(w.shows("m.obj"));
  w.config.rules.clear();
  w.restart();
  w.apply({});
  EXPECT_EQ(w.shown_text("m.c"), "M");
  EXPECT_FALSE(w.shows("m.obj"));
  EXPECT_FALSE(w.shows("inc/x.h"));
}

TEST(engine_restart, a_tool_that_changed_runs_again_and_the_old_one_is_cached) {
  digest tool = content_of("tool 1").id;
  auto rule = command_rule("c", {"*.x"}, {"{stem}.y"});
  rule.command.tools = {"t"};
  engine_world w({rule}, [&](engine_options& o) { o.tool_digests = {{"t", tool}}; });
  w.save({{"1.x", "1"}});
  w.settle();
  tool = content_of("tool 2").id;
  w.restart();
  w.apply({});
  w.settle();
  EXPECT_EQ(w.started.size(), 2u);
  tool = content_of("tool 1").id;
  w.restart();
  w.apply({});
  w.settle();
  EXPECT_EQ(w.started.size(), 2u);
}

TEST(engine_restart, rows_are_folded_and_still_complete) {
  engine_world w(rules(), [](engine_options& o) { o.delta_rows_max = 4; });
  fill(w);
  for (int i = 0; i < 40; ++i) w.save({{"t/f" + std::to_string(i % 7), "v" + std::to_string(i)}});
  w.settle();
  EXPECT_LE(w.stored[table::sources].size(), 12u);
  const auto before = w.channel;
  const auto shown = w.publications.size(), attempts = w.started.size();
  w.restart();
  w.apply({});
  w.settle();
  EXPECT_EQ(w.publications.size(), shown);
  EXPECT_EQ(w.started.size(), attempts);
  EXPECT_EQ(w.engine->status().assets, before.size());
}

TEST(engine_restart, folding_while_an_asset_is_held_back_forgets_nothing_shown) {
  engine_world w(rules(), [](engine_options& o) { o.delta_rows_max = 2; });
  fill(w);
  w.save({{"m.c", "bad"}});
  w.settle();
  w.refer("level", "L2", {"m.o"});
  for (int i = 0; i < 10; ++i) w.save({{"t/f", "v" + std::to_string(i)}});
  w.settle();
  EXPECT_EQ(w.shown_text("level"), "L");
  w.restart();
  w.save({{"n.c", "N"}, {"inc/y.h", "Y"}, {"t/f", "v9"}}, true);
  w.settle();
  EXPECT_EQ(w.channel.size(), 3u) << "n.o, inc/y.h, t/f";
}

TEST(engine_restart, what_was_shown_of_an_overtaken_attempt_is_not_taken_for_the_value_before_it) {
  engine_world w({command_rule("slow", {"*.x"}, {"{stem}.y"})});
  w.tool_time = [](const attempt_spec&) { return seconds(10); };
  w.save({{"1.x", "v0"}});
  w.settle();
  w.save({{"1.x", "v1"}});
  w.run_for(seconds(3));
  w.save({{"1.x", "v2"}});
  w.run_for(seconds(8));
  ASSERT_EQ(w.shown_text("1.y"), "slow(v1:)");
  w.restart();
  w.save({{"1.x", "v0"}}, true);
  w.settle();
  EXPECT_EQ(w.shown_text("1.y"), "slow(v0:)");
}

TEST(engine_restart, a_removal_that_was_held_back_is_shown_later) {
  engine_world w({command_rule("slow", {"*.x"}, {"{stem}.y"})});
  w.tool_time = [](const attempt_spec&) { return seconds(10); };
  w.refer("sprite", "S", {"1.y", "2.y"});
  w.save({{"1.x", "v"}, {"2.x", "w"}});
  w.settle();
  w.save({{"2.x", "w1"}});
  w.save({{"1.x", std::nullopt}});
  ASSERT_TRUE(w.shows("1.y"));
  w.restart();
  w.refer("sprite", "S", {"1.y", "2.y"});
  w.save({{"2.x", "w1"}});
  ASSERT_TRUE(w.shows("1.y"));
  w.settle();
  EXPECT_FALSE(w.shows("1.y"));
  EXPECT_EQ(w.shown_text("2.y"), "slow(w1:)");
}

TEST(engine_restart, what_a_held_back_record_refers_to_is_still_shown_with_it) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})}, [](engine_options& o) { o.delta_rows_max = 2; });
  w.refer("sprite", "S0", {"t"});
  w.save({{"t", "T0"}, {"1.x", "bad"}});
  w.settle();
  w.refer("sprite", "S1", {"1.y"});
  for (int i = 0; i < 10; ++i) w.save({{"other", std::to_string(i)}});
  ASSERT_EQ(w.shown_text("sprite"), "S0");
  w.restart();
  w.refer("sprite", "S1", {"1.y"});
  w.save({{"t", "T1"}});
  w.settle();
  EXPECT_EQ(w.shown_text("t"), "T0");  // S0 is still shown, and was never of one revision with T1
  w.save({{"1.x", "good"}});
  w.settle();
  EXPECT_EQ(w.shown_text("t"), "T1");
  EXPECT_EQ(w.shown_text("sprite"), "S1");
}

TEST(engine_restart, a_damaged_row_is_refused_and_the_rest_is_loaded) {
  engine_world w({});
  w.save({{"a", "1"}});
  w.save({{"b", "2"}});
  auto rows = w.stored[table::sources];
  engine_options options;
  options.config = std::make_shared<const project>(w.config);
  options.hash = std::make_shared<openssl_hasher>();
  build_engine other(options);
  for (auto& [key, value] : rows) {
    if (key == rows.begin()->first) value[value.size() / 2] ^= 0x40, value.resize(value.size() - 1);
    (void)other.load_row(table::sources, key, value);
  }
  EXPECT_FALSE(other.load_row(table::sources, "nonsense", "x"));
  (void)other.load_finished();
  EXPECT_EQ(other.status().sources, 1u);
}

std::map<std::string, asset_record> by_path(const std::vector<asset_record>& records) {
  std::map<std::string, asset_record> out;
  for (const auto& one : records) out.emplace(one.path.str(), one);
  return out;
}

TEST(engine_shown, is_what_the_channel_was_given_before_and_after_a_restart) {
  engine_world w(rules());
  fill(w);
  for (const bool again : {false, true}) {
    if (again) w.restart(), w.apply({}), w.settle();
    const auto all = w.engine->shown();
    EXPECT_TRUE(all.complete);
    EXPECT_EQ(by_path(all.changes.upserts), w.channel);
    EXPECT_TRUE(all.uncertain.empty());
  }
}

TEST(engine_shown, has_what_is_held_back_as_it_was_shown_last) {
  engine_world w(rules());
  fill(w);
  const auto before = w.channel;
  w.save({{"x.idl", "bad"}, {"inc/y.h", std::nullopt}, {"added", "A"}});
  w.settle();
  ASSERT_GT(w.engine->status().behind, 0u);
  EXPECT_EQ(by_path(w.engine->shown().changes.upserts), w.channel);
  EXPECT_EQ(w.channel.at("m.o"), before.at("m.o")) << "nothing was held back";
  // What was held back is known by name only after a restart.
  w.restart();
  w.apply({});
  const auto all = w.engine->shown();
  auto known = by_path(all.changes.upserts);
  for (const auto& path : all.uncertain) known.emplace(path.str(), w.channel.at(path.str()));
  EXPECT_EQ(known, w.channel);
}

TEST(engine_shown, what_is_behind_is_counted_by_name) {
  engine_world w(rules());
  fill(w);
  w.save({{"x.idl", "bad"}});
  w.settle();
  const auto all = w.engine->behind_count([](std::string_view) { return true; });
  EXPECT_EQ(all, w.engine->status().behind);
  EXPECT_EQ(w.engine->behind_count([](std::string_view path) { return path == "m.o"; }), 1u);
  EXPECT_EQ(w.engine->behind_count([](std::string_view path) { return path == "t/readme"; }), 0u);
}

}  // namespace
}  // namespace graphite::test
