#include <gtest/gtest.h>

#include "coordinator/action_key.hpp"
#include "coordinator/glob_index.hpp"
#include "coordinator/graph.hpp"
#include "engine_world.hpp"

namespace graphite::test {
namespace {

TEST(engine_cost, one_edit_among_many_visits_few_nodes_and_writes_few_rows) {
  engine_world w({command_rule("c", {"*.x"}, {"{dir}/{stem}.y"})});
  std::map<std::string, std::optional<std::string>> all;
  for (int i = 0; i < 20'000; ++i) all["d" + std::to_string(i / 50) + "/" + std::to_string(i) + ".txt"] = "v";
  for (int i = 0; i < 100; ++i) all["d" + std::to_string(i) + "/s.x"] = std::to_string(i);
  w.save(all);
  w.settle();
  const auto visited = w.engine->counters().nodes_visited, rows = w.engine->counters().rows_written;
  w.save({{"d7/351.txt", "new"}});
  EXPECT_LE(w.engine->counters().nodes_visited - visited, 100u);
  EXPECT_LE(w.engine->counters().rows_written - rows, 4u);
  const auto before = w.engine->counters().nodes_visited;
  w.save({{"d7/s.x", "new"}});
  w.settle();
  EXPECT_LE(w.engine->counters().nodes_visited - before, 100u);
}

TEST(engine_cost, a_hub_is_shown_without_a_look_at_its_referrers_while_something_else_is_broken) {
  engine_world w({command_rule("c", {"*.x"}, {"{stem}.y"})});
  revision all;
  const auto add = [&](const std::string& path, const std::string& text, const std::string& target) {
    w.texts[content_of(text)] = text;
    source_state state{content_of(text), {}, {}};
    if (!target.empty()) state.references.push_back({{path_of(target)}, false});
    all.changes.push_back({path_of(path), state});
  };
  add("hub", "0", "");
  for (int i = 0; i < 20'000; ++i) add("s/" + std::to_string(i), "sprite", "hub");
  add("1.x", "good", "");
  add("level", "L", "1.y");
  w.apply(std::move(all));
  w.settle();
  w.save({{"1.x", "bad"}});
  w.settle();
  ASSERT_EQ(w.engine->behind().count, 1u);
  const auto before = w.engine->counters().nodes_visited;
  w.save({{"hub", "1"}});
  EXPECT_EQ(w.shown_text("hub"), "1");
  EXPECT_LE(w.engine->counters().nodes_visited - before, 100u);
}

/// Many actions that may read any header and say which one they read.
struct narrowed_actions {
  static constexpr int actions = 5'000, headers = 20;
  engine_world w{{rule(), copy_rule("h", {"**/*.h"}, false)}};

  static rule_spec rule() {
    auto out = command_rule("cc", {"*.c"}, {"{stem}.o"}, {"*.h"});
    out.command.depfile = "d";
    return out;
  }
  narrowed_actions() {
    w.tool = [this](const attempt_spec& spec) {
      auto out = concatenate(w, spec);
      for (const auto& input : spec.inputs)
        if (input.path == spec.main_input)
          out.discovered = std::vector{path_of("inc/" + w.texts[input.content] + ".h")};
      return out;
    };
    std::map<std::string, std::optional<std::string>> all;
    for (int i = 0; i < headers; ++i) all["inc/" + std::to_string(i) + ".h"] = "h" + std::to_string(i);
    for (int i = 0; i < actions; ++i) all[std::to_string(i) + ".c"] = std::to_string(i == 0 ? 0 : 1 + i % 19);
    w.save(all);
    w.settle();
  }
  /// Nodes visited by one save and all it starts.
  std::uint64_t cost(const std::string& path, std::optional<std::string> text) {
    const auto before = w.engine->counters().nodes_visited;
    w.save({{path, std::move(text)}});
    w.settle();
    return w.engine->counters().nodes_visited - before;
  }
};

TEST(engine_cost, a_header_that_comes_and_goes_concerns_those_who_read_one_of_its_name) {
  narrowed_actions n;
  ASSERT_EQ(n.w.started.size(), static_cast<std::size_t>(n.actions));
  EXPECT_LE(n.cost("inc/new.h", "n"), 100u);
  EXPECT_LE(n.cost("inc/new.h", "m"), 100u);
  EXPECT_LE(n.cost("inc/new.h", std::nullopt), 100u);
  EXPECT_EQ(n.w.started.size(), static_cast<std::size_t>(n.actions));
  EXPECT_LE(n.cost("sub/0.h", "shadow"), 100u);
  EXPECT_EQ(n.w.started.size(), n.actions + 1u) << "the one that read inc/0.h looks again";
  EXPECT_LE(n.cost("sub/0.h", std::nullopt), 100u);
  EXPECT_LE(n.cost("inc/0.h", "edited"), 100u) << "one action reads it";
  EXPECT_EQ(n.w.started.size(), n.actions + 2u);
  EXPECT_EQ(n.w.engine->status().stale, 0u);
}

TEST(engine_cost, a_header_that_comes_while_an_attempt_runs_concerns_it) {
  narrowed_actions n;
  n.w.save({{"7.c", "3"}});
  ASSERT_EQ(n.w.running.size(), 1u);
  n.w.save({{"sub/3.h", "shadow"}});
  n.w.settle();
  EXPECT_NE(n.w.shown_text("7.o").find("shadow"), std::string::npos) << "it had that header to read, too";
}

TEST(graph, invalidate_costs_the_answer_not_the_graph) {
  graph g;
  for (int i = 0; i < 50'000; ++i) {
    const auto in = *g.intern("s/" + std::to_string(i)), out = *g.intern("o/" + std::to_string(i));
    const auto a = g.add_action(in, 0);
    g.set_inputs(a, {graph_edge::to(in, edge_kind::declared)});
    g.set_outputs(a, {out});
  }
  const artefact_index changed[] = {g.find("s/777")};
  EXPECT_EQ(g.invalidate(changed).size(), 1u);
  EXPECT_LE(g.visited(), 3u);
}

TEST(glob_index, tries_only_globs_filed_under_the_paths_own_beginning) {
  glob_index index;
  for (std::uint32_t i = 0; i < 1'000; ++i)
    index.add(i, {*glob::parse("d/" + std::to_string(1'000 + i) + ".*")});
  index.add(5'000, {*glob::parse("*.h")});
  EXPECT_EQ(index.matching("d/1007.h"), (std::vector<std::uint32_t>{7, 5'000}));
  EXPECT_LE(index.tried(), 2u);
}

TEST(glob_index, files_globs_of_any_folder_under_their_file_name) {
  glob_index index;
  for (std::uint32_t i = 0; i < 1'000; ++i) index.add(i, {*glob::parse("**/" + std::to_string(i) + ".tex")});
  index.add(2'000, {*glob::parse("7.{tex,png}")});
  index.add(3'000, {*glob::parse("a/{b,c}/7.tex")});
  EXPECT_EQ(index.matching("a/b/7.tex"), (std::vector<std::uint32_t>{7, 2'000, 3'000}));
  EXPECT_LE(index.tried(), 3u);
  EXPECT_EQ(index.matching("7.tex"), (std::vector<std::uint32_t>{7, 2'000}));
}

TEST(path_table, refuses_two_paths_with_one_asset_id_and_names_both) {
  path_table paths([](std::string_view) { return asset_id{42}; });
  ASSERT_TRUE(paths.intern("a/b"));
  const auto second = paths.intern("c");
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().context.find("a/b"), std::string::npos);
}

TEST(cache_row, damaged_bytes_are_refused_or_harmless) {
  cache_row row;
  for (int i = 0; i < 10; ++i)
    row.add({{{path_set_entry::kind::path, "inc/a.h"}},
             content_of(std::to_string(i)).id,
             {{path_of("o"), content_of("x")}},
             1,
             2,
             "p"});
  EXPECT_EQ(row.results.size(), cache_row::results_max);
  const auto bytes = encode(row);
  ASSERT_TRUE(decode_cache_row(bytes));
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_cache_row(bytes.substr(0, n)));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      if (const auto read = decode_cache_row(flipped)) {
        if (at > 0) {  // the first byte: a former version is read, too
          EXPECT_EQ(encode(*read), flipped);
        }
      }
    }
  }
}

}  // namespace
}  // namespace graphite::test
