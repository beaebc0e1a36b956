#include "runtime/generation.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "tests/runtime/memory_files.hpp"

namespace graphite {
namespace {

using namespace test;

TEST(generation, reads_what_was_published) {
  const auto files = std::make_shared<memory_files>();
  files->publish(fill(files->bundle, 500));
  const auto opened = generation::open(files, sha()).value();
  EXPECT_EQ(files->maps, 1) << "held from the beginning";
  EXPECT_EQ(opened->what().assets, 500u);
  for (const std::size_t i : {0u, 1u, 13u, 17u, 499u}) {
    const std::size_t size = i % 17 == 0 ? 0 : i % 13 == 0 ? 90'000 : 40 + i;
    EXPECT_EQ(content_of_asset(*opened, asset_name(i)), random_bytes(size, i % 50)) << i;
  }
  EXPECT_EQ(files->maps, 1) << "one segment, mapped once";
  EXPECT_EQ(opened->verify_since(nullptr).value().upserts.size(), 500u);
}

TEST(generation, an_older_one_reads_on_as_it_was) {
  const auto files = std::make_shared<memory_files>();
  auto tree = fill(files->bundle, 100);
  files->publish(tree);
  const auto old = generation::open(files, sha()).value();
  tree =
      tree.apply({{files->bundle.add(asset_name(7), random_bytes(5000, 99))}, {path(asset_name(8))}}).value();
  files->publish(tree);
  const auto now = generation::open(files, sha()).value();
  EXPECT_EQ(content_of_asset(*now, asset_name(7)), random_bytes(5000, 99));
  EXPECT_EQ(content_of_asset(*old, asset_name(7)), random_bytes(47, 7));
  mapped_asset gone;
  EXPECT_EQ(now->find(id_of(path(asset_name(8))), gone), lookup_result::absent);
  const auto changes = now->verify_since(old.get()).value();
  ASSERT_EQ(changes.upserts.size(), 1u);
  EXPECT_EQ(changes.upserts[0].path, path(asset_name(7)));
  EXPECT_EQ(changes.removals, std::vector{path(asset_name(8))});
  EXPECT_TRUE(now->verify_since(now.get()).value().empty());
}

TEST(generation, what_is_remembered_of_the_one_before_is_right_for_the_next) {
  const auto files = std::make_shared<memory_files>();
  auto tree = fill(files->bundle, 300);
  files->publish(tree);
  std::vector<std::shared_ptr<generation>> all{generation::open(files, sha()).value()};
  std::vector<std::map<std::string, byte_vector>> expected(1);
  for (std::size_t i = 0; i < 300; ++i) expected[0][asset_name(i)] = content_of_asset(*all[0], asset_name(i));
  std::mt19937 random(7);
  for (int round = 1; round <= 20; ++round) {
    asset_changes changes;
    auto shown = expected.back();
    std::set<asset_id> ids;
    for (int i = 0; i < 12; ++i) {
      const auto name = asset_name(random() % 300);
      if (!ids.insert(id_of(path(name))).second) continue;
      if (random() % 3 == 0) {
        if (shown.erase(name) != 0) changes.removals.push_back(path(name));
      } else {
        const auto bytes = random_bytes(1 + random() % 200, random());
        changes.upserts.push_back(files->bundle.add(name, bytes));
        shown[name] = bytes;
      }
    }
    tree = tree.apply(changes).value();
    files->publish(tree);
    auto next = generation::open(files, sha()).value();
    next->remember(*all.back(), {ids.begin(), ids.end()});
    all.push_back(next);
    expected.push_back(shown);
    // Old and new ones look up in turns, so that each leaves what it found for the others.
    for (int look = 0; look < 600; ++look) {
      const std::size_t which = random() % all.size();
      const auto name = asset_name(random() % 300);
      const auto known = expected[which].find(name);
      mapped_asset found;
      if (known == expected[which].end())
        ASSERT_EQ(all[which]->find(id_of(path(name)), found), lookup_result::absent) << round << name;
      else
        ASSERT_EQ(content_of_asset(*all[which], name), known->second) << round << name;
    }
  }
}

TEST(generation, a_head_that_changes_while_it_is_opened_is_opened_again) {
  const auto files = std::make_shared<memory_files>();
  auto tree = fill(files->bundle, 50);
  files->publish(tree);
  int looks = 0;
  files->on_head = [&] {
    if (++looks != 2) return;  // after the pages were mapped
    tree = tree.apply({{files->bundle.add("new.bin", random_bytes(10, 1))}, {}}).value();
    files->publish(tree);
  };
  const auto opened = generation::open(files, sha()).value();
  EXPECT_EQ(opened->what().sequence.value, 2u);
  EXPECT_EQ(content_of_asset(*opened, "new.bin"), random_bytes(10, 1));
}

TEST(generation, changed_contents_that_are_damaged_are_found_before_a_swap) {
  const auto files = std::make_shared<memory_files>();
  auto tree = fill(files->bundle, 20);
  files->publish(tree);
  const auto old = generation::open(files, sha()).value();
  const auto bytes = random_bytes(70'000, 5);
  const auto record = files->bundle.add("large.bin", bytes);
  files->publish(tree.apply({{record}, {}}).value());
  const auto where = files->bundle.places.at(record.parts[0].content.id);
  ASSERT_TRUE(generation::open(files, sha()).value()->verify_since(old.get()));
  files->bundle.segment_bytes[where.offset + 69'999] ^= std::byte{1};
  const auto verified = generation::open(files, sha()).value()->verify_since(old.get());
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().code, errc::corrupt);
  EXPECT_NE(verified.error().context.find("large.bin"), std::string::npos);
}

TEST(generation, a_missing_head_or_page_file_is_an_error) {
  const auto files = std::make_shared<memory_files>();
  EXPECT_EQ(generation::open(files, sha()).error().code, errc::not_found);
  const auto tree = fill(files->bundle, 20);
  files->publish(tree);
  files->head_bytes =
      encode_head({sample_head(tree), tree.root_location(), {}, {memory_bundle::page_file + 1}}, sha())
          .value();
  EXPECT_EQ(generation::open(files, sha()).error().code, errc::not_found);
}

}  // namespace
}  // namespace graphite
