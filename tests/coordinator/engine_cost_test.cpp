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
        EXPECT_EQ(encode(*read), flipped);
      }
    }
  }
}

}  // namespace
}  // namespace graphite::test
