#include "runtime/handle_table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

namespace graphite {
namespace {

using state = handle_table::state;

change_set changed(std::initializer_list<std::uint64_t> ids) {
  change_set out;
  out.changed.assign(ids);
  return out;
}
change_set removed(std::initializer_list<std::uint64_t> ids) {
  change_set out;
  out.removed.assign(ids);
  return out;
}

TEST(handle_table, equal_assets_have_equal_handles_which_are_counted) {
  handle_table table(true, std::pmr::get_default_resource());
  const auto first = table.open({7}).value();
  EXPECT_NE(first, 0u);
  EXPECT_EQ(table.open({7}).value(), first);
  EXPECT_NE(table.open({8}).value(), first);
  EXPECT_EQ(table.size(), 2u);
  EXPECT_TRUE(table.close(first));
  EXPECT_EQ(table.look(first).what, state::open);
  EXPECT_TRUE(table.close(first));
  EXPECT_EQ(table.look(first).what, state::closed);
  EXPECT_FALSE(table.close(first));
  EXPECT_FALSE(table.close(0));
  EXPECT_FALSE(table.close(0xffff'ffff'ffffu)) << "nobody's";
  EXPECT_EQ(table.size(), 1u);
}

TEST(handle_table, a_closed_handle_is_never_a_later_one) {
  handle_table table(true, std::pmr::get_default_resource());
  const auto first = table.open({7}).value();
  table.close(first);
  const auto second = table.open({8}).value();
  EXPECT_NE(first, second);
  EXPECT_EQ(table.look(first).what, state::closed);
  EXPECT_EQ(table.look(second).id, asset_id{8});
}

TEST(handle_table, says_with_which_version_an_asset_changed) {
  handle_table table(true, std::pmr::get_default_resource());
  const auto seven = table.open({7}).value(), eight = table.open({8}).value();
  table.note(changed({7, 9}), 4);
  EXPECT_EQ(table.look(seven).changed, 4u);
  EXPECT_EQ(table.look(eight).changed, 0u);
  table.note(removed({7}), 5);
  EXPECT_EQ(table.look(seven).changed, 5u);
  EXPECT_EQ(table.look(seven).what, state::open) << "it may come back";
}

TEST(handle_table, without_preservation_a_change_makes_handles_stale) {
  handle_table table(false, std::pmr::get_default_resource());
  const auto seven = table.open({7}).value(), eight = table.open({8}).value();
  table.note(changed({7}), 4);
  EXPECT_EQ(table.look(seven).what, state::stale);
  EXPECT_EQ(table.look(eight).what, state::open);
  const auto anew = table.open({7}).value();
  EXPECT_NE(anew, seven);
  EXPECT_EQ(table.look(anew).what, state::open);
  EXPECT_TRUE(table.close(seven));
  EXPECT_EQ(table.open({7}).value(), anew) << "the stale one's end does not take the new one along";
}

TEST(handle_table, agrees_with_a_model_under_random_use) {
  handle_table table(true, std::pmr::get_default_resource());
  std::map<std::uint64_t, std::pair<std::uint64_t, int>> open;  // handle -> id, references
  std::vector<std::uint64_t> closed;
  std::mt19937 random(3);
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t id = random() % 6000;
    if (random() % 2 == 0) {
      auto& [known, references] = open[table.open({id}).value()];
      ASSERT_TRUE(references == 0 || known == id);
      known = id;
      ++references;
    } else if (!open.empty()) {
      auto at = open.lower_bound(random());
      if (at == open.end()) at = open.begin();
      ASSERT_TRUE(table.close(at->first));
      if (--at->second.second == 0) {
        closed.push_back(at->first);
        open.erase(at);
      }
    }
  }
  EXPECT_EQ(table.size(), open.size());
  for (const auto& [handle, what] : open) EXPECT_EQ(table.look(handle).id, asset_id{what.first});
  for (const auto handle : closed) EXPECT_EQ(table.look(handle).what, state::closed);
}

TEST(handle_table, others_look_while_it_changes) {
  handle_table table(true, std::pmr::get_default_resource());
  const auto kept = table.open({1}).value();
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> last{0};
  std::thread reader([&] {
    while (!stop.load()) {
      const auto there = table.look(kept);
      ASSERT_EQ(there.what, state::open);
      ASSERT_EQ(there.id, asset_id{1});
      const auto other = last.load();
      const auto seen = table.look(other);
      ASSERT_TRUE(seen.what == state::closed || seen.id.value == (other >> 24) + 1)
          << "an id that fits its handle";
    }
  });
  // Slot 1 is used again and again: its id is one more than the count of its uses.
  for (std::uint64_t round = 2; round < 20'000; ++round) {
    const auto handle = table.open({round}).value();
    last.store(handle);
    table.close(handle);
  }
  stop.store(true);
  reader.join();
}

}  // namespace
}  // namespace graphite
