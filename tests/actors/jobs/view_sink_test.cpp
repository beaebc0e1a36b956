#include "actors/jobs/view_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/action_key.hpp"
#include "tests/support/memory_key_value_store.hpp"
#include "tests/support/paths.hpp"

namespace graphite {
namespace {

using test::path_of;
using testing::ElementsAre;

cached_result made_of(std::uint8_t strong) {
  cached_result out;
  out.strong.bytes.fill(strong);
  return out;
}

row_write row_of(const std::string& key, std::vector<cached_result> results) {
  cache_row row;
  row.results = std::move(results);
  return {table::action_cache, key, encode(row)};
}

std::vector<std::uint8_t> strong_keys(const std::optional<std::string>& row) {
  std::vector<std::uint8_t> out;
  for (const auto& one : decode_cache_row(row.value()).value().results) out.push_back(one.strong.bytes[0]);
  return out;
}

TEST(view_rows, keep_history_here_and_results_for_all) {
  memory_key_value_store shared;
  view_rows rows(shared, true);
  const std::vector<row_write> all{
      {table::history, "a", "story"}, {table::graph, "b", "row"}, row_of("k", {made_of(1)})};
  ASSERT_TRUE(rows.write(all, key_value_store::durability::lazy));
  EXPECT_EQ(rows.get(table::history, "a").value(), "story");
  EXPECT_EQ(rows.get(table::graph, "b").value(), std::nullopt);
  const auto to_share = rows.shared_of(all);
  ASSERT_EQ(to_share.size(), 1U);
  EXPECT_EQ(to_share[0].key, "k");
  ASSERT_TRUE(shared.write(to_share, key_value_store::durability::lazy));
  EXPECT_EQ(rows.get(table::action_cache, "k").value(), to_share[0].value);
  ASSERT_TRUE(rows.write({{table::history, "a", std::nullopt}}, key_value_store::durability::lazy));
  EXPECT_EQ(rows.get(table::history, "a").value(), std::nullopt);
}

TEST(view_rows, a_result_that_another_view_has_found_meanwhile_stays) {
  memory_key_value_store shared;
  view_rows rows(shared, true);
  ASSERT_TRUE(shared.write({row_of("k", {made_of(7), made_of(2)})}, key_value_store::durability::lazy));
  const auto merged = rows.shared_of({row_of("k", {made_of(1), made_of(2)})});
  EXPECT_THAT(strong_keys(merged.at(0).value), ElementsAre(1, 2, 7)) << "ours first";
}

TEST(view_rows, of_a_view_that_is_not_cached_are_its_own) {
  memory_key_value_store shared;
  ASSERT_TRUE(shared.write({row_of("k", {made_of(7)})}, key_value_store::durability::lazy));
  view_rows rows(shared, false);
  EXPECT_EQ(rows.get(table::action_cache, "k").value(), std::nullopt);
  EXPECT_TRUE(rows.shared_of({row_of("k", {made_of(1)})}).empty());
}

TEST(shown_assets, are_what_publications_leave) {
  shown_assets shown;
  publication what;
  what.changes.upserts = {{path_of("a"), {}, {}}, {path_of("b"), {}, {}}};
  shown.apply(what);
  what.changes = {{{path_of("c"), {}, {}}}, {path_of("a")}};
  shown.apply(what);
  const auto all = shown.all();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].path.str() + all[1].path.str(), "bc");
  what.complete = true;
  shown.apply(what);
  EXPECT_EQ(shown.size(), 1U);
}

}  // namespace
}  // namespace graphite
