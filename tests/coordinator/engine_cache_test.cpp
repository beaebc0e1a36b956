#include <gtest/gtest.h>

#include "coordinator/action_key.hpp"
#include "coordinator/graph_rows.hpp"
#include "coordinator/result_contents.hpp"
#include "core/record_codec.hpp"
#include "engine_world.hpp"

namespace graphite::test {
namespace {

constexpr std::uint64_t hour_ms = 3'600'000;
constexpr std::uint64_t start_ms = 1'700'000'000'000;

/// A source whose two states are built, one after the other.
class used_results : public testing::Test {
 protected:
  used_results() : world_({command_rule("up", {"*.low"}, {"{stem}.up"})}) {
    world_.engine->set_wall_clock(start_ms);
    save("one");
    save("two");
  }
  /// How often rows of the action cache were written.
  std::size_t save(const std::string& text) {
    const auto before = world_.stored[table::action_cache];
    world_.save({{"w.low", text}});
    world_.settle();
    std::size_t changed = 0;
    for (const auto& [key, row] : world_.stored[table::action_cache]) {
      const auto was = before.find(key);
      changed += was == before.end() || was->second != row ? 1 : 0;
    }
    return changed;
  }
  std::vector<std::uint64_t> stamps() {
    std::vector<std::uint64_t> out;
    for (const auto& [key, row] : world_.stored[table::action_cache]) {
      const auto decoded = decode_cache_row(row);
      for (const auto& one : decoded->results) out.push_back(one.used_unix_ms);
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  engine_world world_;
};

TEST_F(used_results, are_stamped_when_they_are_made) {
  EXPECT_EQ(stamps(), (std::vector<std::uint64_t>{start_ms, start_ms}));
}

TEST_F(used_results, are_not_written_again_by_a_hit_within_the_hour) {
  world_.engine->set_wall_clock(start_ms + hour_ms - 1);
  const auto ran = world_.started.size();
  EXPECT_EQ(save("one"), 0u);
  EXPECT_EQ(world_.shown_text("w.up"), "up(one:)");
  EXPECT_EQ(world_.started.size(), ran) << "it is a hit";
}

TEST_F(used_results, are_stamped_by_a_later_hit_in_the_batch_of_the_publication) {
  world_.engine->set_wall_clock(start_ms + hour_ms);
  EXPECT_EQ(save("one"), 1u);
  EXPECT_EQ(stamps(), (std::vector<std::uint64_t>{start_ms, start_ms + hour_ms}));
  const auto& rows = world_.publications.back().what.rows;
  EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), [](const row_write& row) {
    return row.where == table::action_cache;
  })) << "no sync of its own";
}

TEST(cache_row, a_hit_moves_a_result_to_the_front_so_that_another_goes_beyond_eight) {
  cache_row row;
  const auto key = [](int i) { return content_of(std::to_string(i)).id; };
  for (int i = 0; i < 8; ++i) row.add({{}, key(i), {}, 1, 1, "", start_ms});
  EXPECT_TRUE(row.use(key(0), start_ms + hour_ms));
  EXPECT_FALSE(row.use(key(0), start_ms + hour_ms + 5)) << "known to the hour";
  EXPECT_FALSE(row.use(key(99), start_ms + hour_ms));
  EXPECT_TRUE(row.use(key(0), start_ms)) << "a clock that was wrong is put right";
  EXPECT_TRUE(row.use(key(7), start_ms + 5)) << "within the hour, too, where it was not the last";
  row.add({{}, key(8), {}, 1, 1, "", start_ms});
  EXPECT_EQ(row.results[0].strong, key(8));
  EXPECT_EQ(row.results[1].strong, key(7));
  EXPECT_EQ(row.results[2].strong, key(0));
  EXPECT_TRUE(std::none_of(row.results.begin(), row.results.end(),
                           [&](const cached_result& one) { return one.strong == key(1); }));
}

TEST(cache_row, has_at_most_eight_path_sets_of_a_weak_key_and_loses_those_not_used_for_longest) {
  auto rule = command_rule("cc", {"*.c"}, {"{stem}.o"}, {"*.h"});
  rule.command.depfile = "d";
  engine_world w({rule, copy_rule("h", {"**/*.h"}, false)});
  int reads = 0;
  w.tool = [&](const attempt_spec& spec) {
    auto out = concatenate(w, spec);
    out.discovered = std::vector{path_of("inc/" + std::to_string(reads) + ".h")};
    return out;
  };
  std::map<std::string, std::optional<std::string>> all{{"m.c", "M"}};
  for (int i = 0; i < 10; ++i) all["inc/" + std::to_string(i) + ".h"] = "0";
  w.save(all);
  w.settle();
  const auto row = [&] { return *decode_cache_row(w.stored[table::action_cache].begin()->second); };
  // The header that was read changes, and what is read next is another one: a path set a run.
  for (reads = 1; reads < 8; ++reads) {
    w.save({{"inc/" + std::to_string(reads - 1) + ".h", "1"}});
    w.settle();
  }
  ASSERT_EQ(w.stored[table::action_cache].size(), 1u) << "one weak key";
  ASSERT_EQ(row().results.size(), cache_row::results_max);
  const auto first = row().results.back().set;
  // The first result holds again, and so counts as used.
  w.save({{"inc/0.h", "0"}, {"inc/7.h", "1"}});
  w.settle();
  ASSERT_EQ(w.started.size(), 8u);
  for (reads = 8; reads < 10; ++reads) {
    w.save({{"inc/0.h", std::to_string(reads)}, {"inc/" + std::to_string(reads - 1) + ".h", "1"}});
    w.settle();
  }
  EXPECT_EQ(w.started.size(), 10u);
  const auto kept = row().results;
  ASSERT_EQ(kept.size(), cache_row::results_max);
  std::set<path_set> sets;
  for (const auto& one : kept) sets.insert(one.set);
  EXPECT_EQ(sets.size(), cache_row::results_max) << "each of another set";
  EXPECT_TRUE(sets.contains(first)) << "used since";
}

/// A row as the version before wrote it.
std::string row_of_version_1() {
  record_writer out;
  out.byte(1);
  out.number(1);
  out.digest_value(content_of("strong").id);
  out.number(0);
  out.number(1);
  out.bytes("w.up");
  out.content(content_of("made"));
  out.number(100);
  out.number(90);
  out.bytes("argv = up");
  return out.take();
}

TEST(cache_row, one_of_the_version_before_is_read_as_never_used) {
  const auto row = decode_cache_row(row_of_version_1());
  ASSERT_TRUE(row) << row.error().context;
  ASSERT_EQ(row->results.size(), 1u);
  EXPECT_EQ(row->results[0].used_unix_ms, 0u);
  EXPECT_EQ(row->results[0].outputs.at(0).content, content_of("made"));
  EXPECT_EQ(row->results[0].provenance, "argv = up");
  const auto again = decode_cache_row(encode(*row));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->results[0].strong, row->results[0].strong);
}

TEST(cache_row, one_of_a_newer_version_says_so) {
  auto bytes = encode(cache_row{});
  ++bytes[0];
  EXPECT_EQ(decode_cache_row(bytes).error().code, errc::newer_version);
  bytes[0] = 0;
  EXPECT_EQ(decode_cache_row(bytes).error().code, errc::corrupt);
}

TEST(held_contents, are_those_of_changed_assets_that_are_not_shown) {
  engine_world w({command_rule("up", {"*.low"}, {"{stem}.up"})});
  w.refer("level", "first", {"w.up"});
  w.save({{"w.low", "good"}});
  w.settle();
  EXPECT_TRUE(w.engine->held_contents().empty());
  w.save({{"w.low", "bad"}});
  w.refer("level", "second", {"w.up"});
  w.settle();
  ASSERT_EQ(w.shown_text("level"), "first") << "it waits for what failed";
  const auto held = w.engine->held_contents();
  EXPECT_NE(std::find(held.begin(), held.end(), content_of("second").id), held.end());
}

std::vector<digest> named_by_results(const engine_world& w) {
  result_contents results;
  std::vector<digest> out;
  const auto keep = [&](const digest& content) { out.push_back(content); };
  for (const auto& [key, row] : w.stored.at(table::graph)) EXPECT_TRUE(results.see(key, row, keep));
  results.finish(keep);
  return out;
}

TEST(result_contents, has_outputs_that_no_channel_shows_and_only_the_last_ones) {
  for (const std::size_t deltas : {std::size_t{256}, std::size_t{0}}) {
    auto hidden = command_rule("gen", {"*.idl"}, {"{stem}.h"});
    hidden.publish = false;
    engine_world w({hidden, command_rule("cc", {"*.c"}, {"{stem}.o"}, {"*.h"})},
                   [&](engine_options& options) { options.delta_rows_max = deltas; });
    w.save({{"x.idl", "1"}, {"m.c", "M"}});
    w.settle();
    const auto before = content_of("gen(1:)").id, after = content_of("gen(2:)").id;
    auto named = named_by_results(w);
    EXPECT_EQ(std::count(named.begin(), named.end(), before), 1) << deltas;
    w.save({{"x.idl", "2"}});
    w.settle();
    ASSERT_FALSE(w.shows("x.h"));
    named = named_by_results(w);
    EXPECT_EQ(std::count(named.begin(), named.end(), after), 1) << deltas;
    EXPECT_EQ(std::count(named.begin(), named.end(), before), 0) << deltas;
  }
}

TEST(result_contents, a_damaged_row_names_nothing_and_a_newer_one_says_so) {
  result_contents results;
  const auto never = [](const digest&) { FAIL(); };
  EXPECT_TRUE(results.see("d12345678", "\1damaged", never));
  EXPECT_TRUE(results.see("damaged", encode_results({}, {}), never));
  EXPECT_EQ(results.see("d12345678", "\x7f", never).error().code, errc::newer_version);
}

}  // namespace
}  // namespace graphite::test
