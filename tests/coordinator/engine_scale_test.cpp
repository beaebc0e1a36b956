#include <gtest/gtest.h>

#include "engine_world.hpp"

// The costs that are promised at a million assets, as counts.

namespace graphite::test {
namespace {

constexpr int files = 1'000'000, folders = 20'000, actions = 10'000, headers = 50;

rule_spec compile_rule() {
  auto rule = command_rule("cc", {"*.c"}, {"{dir}/{stem}.o"}, {"inc/**/*.h"});
  rule.command.depfile = "d";
  return rule;
}

std::string folder_of(int i) { return "d" + std::to_string(i % folders); }

class engine_scale : public testing::Test {
 protected:
  engine_scale()
      : w_({command_rule("c", {"*.x", "**/*.x"}, {"{dir}/{stem}.y"}), compile_rule(),
            copy_rule("headers", {"*.h"}, false)}) {
    w_.tool = [this](const attempt_spec& spec) {
      auto out = concatenate(w_, spec);
      if (spec.rule == "cc") out.discovered = std::vector{path_of("inc/read.h")};
      return out;
    };
    const auto text = content_of("v");
    w_.texts[text] = "v";
    revision all;
    all.complete_scan = true;
    for (int i = 0; i < files; ++i)
      all.changes.push_back(
          {path_of(folder_of(i) + "/" + std::to_string(i) + ".txt"), source_state{text, {}, {}}});
    for (int i = 0; i < actions; ++i) {
      const auto stem = folder_of(i) + "/" + std::to_string(i);
      all.changes.push_back({path_of(stem + ".x"), source_state{text, {}, {}}});
      all.changes.push_back({path_of(stem + ".c"), source_state{text, {}, {}}});
      scanned_reference made, beside;
      made.candidates = {path_of(stem + ".y")};
      beside.candidates = {path_of(folder_of(i) + "/none.txt"), path_of(stem + ".txt")};
      all.changes.push_back({path_of(stem + ".sprite"), source_state{text, {}, {made, beside}}});
    }
    for (int i = 0; i < headers; ++i)
      all.changes.push_back({path_of("inc/" + std::to_string(i) + ".h"), source_state{text, {}, {}}});
    all.changes.push_back({path_of("inc/read.h"), source_state{text, {}, {}}});
    w_.apply(std::move(all));
    w_.settle();
  }

  /// The same of a change of what a glob of many actions matches and none of them reads.
  void expect_nothing_runs(const std::string& path, std::optional<std::string> text) {
    const auto before = w_.engine->counters();
    const auto ran = w_.started.size();
    w_.save({{path, std::move(text)}});
    w_.settle();
    EXPECT_LE(w_.engine->counters().nodes_visited - before.nodes_visited, 100u) << path;
    EXPECT_LE(w_.engine->counters().rows_written - before.rows_written, 8u) << path;
    EXPECT_EQ(w_.started.size(), ran) << path;
  }

  /// Nodes visited and rows written by one save of `path`, what it starts included.
  void expect_cheap(const std::string& path, const std::string& shown, const std::string& text) {
    const auto before = w_.engine->counters();
    const auto publications = w_.publications.size();
    w_.save({{path, "w"}});
    w_.settle();
    const auto after = w_.engine->counters();
    EXPECT_LE(after.nodes_visited - before.nodes_visited, 100u) << path;
    EXPECT_LE(after.rows_written - before.rows_written, 8u) << path;
    ASSERT_EQ(w_.publications.size(), publications + 1) << path;
    EXPECT_EQ(w_.publications.back().what.changes.upserts.size(), 1u) << path;
    EXPECT_EQ(w_.shown_text(shown), text);
  }

  static std::string of_all_headers() {
    std::string out;
    for (int i = 0; i <= headers; ++i) out += "v,";
    return out;
  }

  engine_world w_;
};

TEST_F(engine_scale, one_edit_among_a_million_assets_visits_at_most_a_hundred_nodes) {
  ASSERT_EQ(w_.channel.size(), static_cast<std::size_t>(files + 3 * actions));
  expect_cheap("d777/777.txt", "d777/777.txt", "w");  // a sprite refers to it
  expect_cheap("d19999/999999.txt", "d19999/999999.txt", "w");
  expect_cheap("d4242/4242.x", "d4242/4242.y", "c(w:)");
  expect_cheap("d4242/brand_new.txt", "d4242/brand_new.txt", "w");
  expect_cheap("d4242/new.c", "d4242/new.o", "cc(w:" + of_all_headers() + ")");
  expect_nothing_runs("inc/deep/new.h", "w");
  expect_nothing_runs("inc/deep/new.h", "x");
  expect_nothing_runs("inc/deep/new.h", std::nullopt);
  expect_nothing_runs("inc/7.h", std::nullopt);
}

}  // namespace
}  // namespace graphite::test
