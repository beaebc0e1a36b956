#include <gtest/gtest.h>

#include "engine_world.hpp"

namespace graphite::test {
namespace {

std::string hex(const std::string& text) { return to_hex(content_of(text).id).substr(0, 16); }

const key_difference* change(const why_report& why, const std::string& name) {
  for (const auto& one : why.changed)
    if (one.name == name) return &one;
  return nullptr;
}

TEST(engine_why, a_first_build_differs_from_nothing) {
  engine_world w({command_rule("cc", {"*.c"}, {"{stem}.o"}, {"*.h"})});
  w.save({{"m.c", "M"}, {"x.h", "X"}});
  w.settle();
  const auto why = w.why("m.o");
  EXPECT_EQ(why.state, "up to date");
  EXPECT_EQ(why.reason, "never built: m.c");
  EXPECT_TRUE(why.changed.empty());
  EXPECT_FALSE(why.weak.is_zero());
  EXPECT_FALSE(why.strong.is_zero());
  const key_component argv{"argv", "tool {in}"}, source{"source m.c", hex("M")}, input{"input x.h", hex("X")};
  for (const auto& one : {argv, source, input})
    EXPECT_NE(std::find(why.components.begin(), why.components.end(), one), why.components.end()) << one.name;
}

TEST(engine_why, a_changed_input_has_its_old_and_new_digest) {
  engine_world w({command_rule("cc", {"*.c"}, {"{stem}.o"}, {"*.h"})});
  w.save({{"m.c", "M"}, {"x.h", "X"}});
  w.settle();
  w.save({{"x.h", "X2"}});
  w.settle();
  const auto why = w.why("m.o");
  EXPECT_EQ(why.reason, "changed: x.h");
  ASSERT_NE(change(why, "input x.h"), nullptr);
  EXPECT_EQ(*change(why, "input x.h"), (key_difference{"input x.h", hex("X"), hex("X2")}));
  EXPECT_EQ(change(why, "source m.c"), nullptr);
  EXPECT_EQ(why.chain.front(), "x.h (changed, rule cc)");
}

TEST(engine_why, a_path_set_that_grows_is_told) {
  engine_world w({command_rule("cc", {"*.c"}, {"{stem}.o"}, {"*.h"})});
  w.save({{"m.c", "M"}});
  w.settle();
  w.save({{"x.h", "X"}});
  w.settle();
  const auto why = w.why("m.o");
  ASSERT_NE(change(why, "input x.h"), nullptr);
  EXPECT_EQ(change(why, "input x.h")->before, std::nullopt);
  ASSERT_NE(change(why, "matches of *.h"), nullptr);
  EXPECT_EQ(change(why, "matches of *.h")->before->substr(0, 7), "0 files");
}

TEST(engine_why, another_build_of_a_library_is_a_reason_to_make_an_asset_anew) {
  auto rule = command_rule("sounds", {"*.wav"}, {"{stem}.opus"});
  rule.transform = "audio";
  rule.built_in.emplace().name = "audio";
  engine_world w({rule}, [](engine_options& options) {
    options.built_with = {{"audio", {{"libopus.so.0", "1"}, {"libogg.so.0", "1"}}},
                          {"text", {{"libexpat.so.1", "1"}}}};
  });
  w.save({{"a.wav", "A"}});
  w.settle();
  w.adjust = [](engine_options& options) {
    options.built_with = {{"audio", {{"libopus.so.0", "2"}, {"libogg.so.0", "1"}}},
                          {"text", {{"libexpat.so.1", "2"}}}};
  };
  w.restart();
  w.apply({});
  w.settle();
  const auto why = w.why("a.opus");
  EXPECT_EQ(why.changed.size(), 1u);
  ASSERT_NE(change(why, "built with libopus.so.0"), nullptr);
  EXPECT_EQ(*change(why, "built with libopus.so.0"), (key_difference{"built with libopus.so.0", "1", "2"}));
}

TEST(engine_why, a_changed_rule_tool_and_variable_are_told_after_a_restart) {
  auto rule = command_rule("cc", {"*.c"}, {"{stem}.o"});
  rule.command.tools = {"gcc"};
  rule.command.environment = {"LANG"};
  engine_world w({rule}, [](engine_options& options) {
    options.tool_digests["gcc"] = content_of("gcc 1").id;
    options.environment["LANG"] = "C";
  });
  w.save({{"m.c", "M"}});
  w.settle();
  w.config.rules[0].command.argv = {"tool", "-x", "{in}"};
  w.adjust = [](engine_options& options) {
    options.tool_digests["gcc"] = content_of("gcc 2").id;
    options.environment["LANG"] = "de_DE";
  };
  w.restart();
  w.apply({});
  const auto stale = w.why("m.o");
  EXPECT_EQ(stale.state, "running");
  w.settle();
  for (const auto& why : {stale, w.why("m.o")}) {
    EXPECT_EQ(why.reason.substr(0, 32), "rule, tool or environment change");
    EXPECT_EQ(why.changed.size(), 3u);
    ASSERT_NE(change(why, "tool gcc"), nullptr);
    EXPECT_EQ(*change(why, "tool gcc"), (key_difference{"tool gcc", hex("gcc 1"), hex("gcc 2")}));
    EXPECT_EQ(*change(why, "environment LANG"), (key_difference{"environment LANG", "C", "de_DE"}));
    EXPECT_EQ(*change(why, "argv"), (key_difference{"argv", "tool {in}", "tool -x {in}"}));
  }
}

TEST(engine_why, the_environment_of_an_attempt_is_the_one_in_its_key) {
  auto rule = command_rule("cc", {"*.c"}, {"{stem}.o"});
  rule.command.environment = {"LANG"};
  rule.command.set_environment = {{"MODE", "fast"}};
  engine_world w({rule}, [](engine_options& options) {
    options.environment = {{"LANG", "C"}, {"HOME", "/h"}};
  });
  w.save({{"m.c", "M"}});
  std::map<std::string, std::string> in_key;
  for (const auto& one : w.why("m.o").components)
    if (one.name.starts_with("environment ")) in_key[one.name.substr(12)] = one.value;
  ASSERT_EQ(w.started.size(), 1u);
  EXPECT_EQ(w.started[0].environment, in_key);
  EXPECT_EQ(in_key.count("PATH"), 1u) << "what the programs of a script are looked up in";
}

TEST(engine_why, the_story_outlives_a_restart) {
  engine_world w({command_rule("gen", {"*.idl"}, {"inc/{stem}.h"}),
                  command_rule("cc", {"*.c"}, {"{stem}.o"}, {"inc/*.h"})});
  w.save({{"m.c", "M"}, {"x.idl", "X"}});
  w.settle();
  w.save({{"x.idl", "X2"}});
  w.settle();
  const auto before = w.why("m.o");
  EXPECT_EQ(before.chain,
            (std::vector<std::string>{"x.idl (changed, rule gen)", "inc/x.h (changed, rule cc)", "m.o"}));
  w.restart();
  w.apply({});
  const auto after = w.why("m.o");
  EXPECT_EQ(after.chain, before.chain);
  EXPECT_EQ(after.changed, before.changed);
  EXPECT_EQ(after.reason, before.reason);
  EXPECT_EQ(after.strong, before.strong);
}

TEST(engine_why, a_long_path_is_named_as_the_cause_in_full) {
  const std::string deep = std::string(180, 'd') + "/" + std::string(180, 'e') + "/", wrong = deep + "w.h";
  const auto cause = deep + std::string(180, 'f') + ".h";
  engine_world w({command_rule("cc", {"*.c"}, {"{stem}.o"}, {"**/*.h"})});
  w.save({{"m.c", "M"}, {wrong, "W"}, {cause, "X"}});
  w.settle();
  w.save({{cause, "X2"}});
  w.settle();
  for (const bool again : {false, true}) {
    if (again) w.restart(), w.apply({});
    const auto why = w.why("m.o");
    EXPECT_EQ(why.reason, "changed: " + cause);
    EXPECT_EQ(why.chain, (std::vector<std::string>{cause + " (changed, rule cc)", "m.o"}));
  }
  for (const auto& [key, row] : w.stored[table::history]) EXPECT_LE(row.size(), action_history::bytes_max);
}

TEST(engine_why, a_long_path_that_is_gone_is_named_as_far_as_it_is_kept) {
  const auto cause = std::string(200, 'd') + "/" + std::string(200, 'f') + ".h";
  engine_world w({command_rule("cc", {"*.c"}, {"{stem}.o"}, {"**/*.h"})});
  w.save({{"m.c", "M"}, {cause, "X"}});
  w.settle();
  w.save({{cause, std::nullopt}});
  w.settle();
  w.restart();
  w.apply({});
  const auto why = w.why("m.o");
  EXPECT_EQ(why.reason.substr(0, 220), ("vanished: " + cause).substr(0, 220));
  EXPECT_EQ(why.chain.back(), "m.o");
}

TEST(engine_why, a_failed_asset_differs_from_its_last_good_key) {
  engine_world w({command_rule("cc", {"*.c"}, {"{stem}.o"}, {"*.h"})});
  w.save({{"m.c", "M"}, {"x.h", "X"}});
  w.settle();
  w.save({{"x.h", "bad"}});
  w.settle();
  const auto why = w.why("m.o");
  EXPECT_EQ(why.state, "failed");
  EXPECT_EQ(why.message, "bad input");
  ASSERT_NE(change(why, "input x.h"), nullptr);
  EXPECT_EQ(change(why, "input x.h")->before, hex("X"));
}

TEST(engine_why, a_copy_tells_its_content_and_what_it_refers_to) {
  engine_world w({});
  w.save({{"a.png", "A"}});
  w.refer("level", "L", {"a.png", "none"});
  const auto why = w.why("level");
  EXPECT_EQ(why.kind, "copy");
  const std::vector<key_component> expected{{"content", to_hex(content_of("L").id)},
                                            {"bytes", "1"},
                                            {"refers to a.png", hex("A")},
                                            {"refers to none", "not there"}};
  EXPECT_EQ(why.components, expected);
  EXPECT_EQ(why.chain, std::vector<std::string>{"level"});
}

TEST(engine_why, dependants_that_do_not_fit_are_counted) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"}, {"hub"}), copy_rule("h", {"hub"}, false)});
  std::map<std::string, std::optional<std::string>> all{{"hub", "H"}};
  for (int i = 0; i < 100; ++i) all[std::to_string(100 + i) + ".x"] = "1";
  w.save(all);
  w.settle();
  EXPECT_EQ(w.engine->rdeps(path_of("hub"))->paths.size(), 100u);
  EXPECT_EQ(w.engine->rdeps(path_of("hub"))->left_out, 0u);
  const auto some = w.engine->rdeps(path_of("hub"), 10 * (5 + reachable_paths::path_bytes));
  EXPECT_EQ(some->paths.size(), 10u);
  EXPECT_EQ(some->left_out, 90u);
}

}  // namespace
}  // namespace graphite::test
