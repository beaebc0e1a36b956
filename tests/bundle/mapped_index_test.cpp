#include "bundle/mapped_index.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "bundle/lookup_cache.hpp"

#include "tests/bundle/bundle_file_support.hpp"

namespace graphite {
namespace {

using namespace test;

mapped_index mapped(const memory_bundle& bundle, const index_tree& tree) {
  const mapped_page_file file{memory_bundle::page_file, bundle.page_bytes};
  return {std::span(&file, 1), tree.root_location()};
}

bool within(byte_span part, byte_span whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

/// All that a found asset says, as the tree says it.
void expect_same(const mapped_asset& found, const located_asset& wanted) {
  const auto& record = wanted.record;
  EXPECT_EQ(found.id, record.id());
  EXPECT_EQ(found.path, record.path.str());
  ASSERT_EQ(found.parts, record.parts.size());
  for (unsigned i = 0; i < found.parts; ++i) {
    mapped_part part;
    ASSERT_TRUE(mapped_index::part(found, i, part));
    EXPECT_EQ(part.size, record.parts[i].content.size);
    const bool only = part.size <= single_chunk_bytes_max;
    const auto name = only ? record.parts[i].only_chunk : record.parts[i].content.id;
    EXPECT_EQ(part.name, part.size > 0 ? name : digest{});
    EXPECT_EQ(part.where, wanted.extents.at(i));
  }
  mapped_part beyond;
  EXPECT_FALSE(mapped_index::part(found, found.parts, beyond));
  ASSERT_EQ(found.references, record.references.size());
  for (unsigned i = 0; i < found.references; ++i)
    EXPECT_EQ(mapped_index::reference(found, i), record.references[i]);
}

TEST(mapped_index, finds_what_the_tree_finds_and_nothing_else) {
  auto bundle = std::make_shared<memory_bundle>();
  const auto written = fill(*bundle, 3000);
  bundle->write(written);
  const auto tree = index_tree::open(written.root(), written.root_location(), bundle, sha()).value();
  const auto index = mapped(*bundle, tree);
  for (std::size_t i = 0; i < 3000; ++i) {
    const auto id = id_of(path(asset_name(i)));
    mapped_asset found, again;
    std::uint64_t place = 0;
    ASSERT_EQ(index.find(id, found, &place), lookup_result::found) << i;
    const auto wanted = tree.find(id).value().value();
    expect_same(found, wanted);
    ASSERT_EQ(place == 0, i == 1) << "the one with a record blob has no place";
    if (place == 0) continue;
    ASSERT_TRUE(index.at(place, id, again));
    expect_same(again, wanted);
    EXPECT_FALSE(index.at(place, {id.value + 1}, again));
    for (const auto beside : {id.value - 1, id.value + 1, ~id.value})
      ASSERT_EQ(index.find({beside}, found), lookup_result::absent) << i;
  }
}

lookup_cache cache_for(std::uint64_t assets) {
  const auto bytes = lookup_cache::bytes_for(assets);
  return {zeros_in_memory(bytes), bytes};
}

TEST(lookup_cache, gives_back_what_was_put_or_nothing) {
  const auto cache = cache_for(1000);
  std::mt19937_64 random(3);
  std::vector<asset_id> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back({random()});
  for (const auto id : ids) EXPECT_EQ(cache.find(id), 0u);
  for (std::size_t i = 0; i < ids.size(); ++i) cache.put(ids[i], i + 1);
  std::size_t remembered = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto place = cache.find(ids[i]);
    EXPECT_TRUE(place == 0 || place == i + 1);
    remembered += place != 0 ? 1 : 0;
  }
  EXPECT_GT(remembered, 900u);
  EXPECT_EQ(cache.find({random()}), 0u);
  EXPECT_EQ(lookup_cache().find(ids[0]), 0u);
}

TEST(lookup_cache, threads_that_write_one_bucket_never_give_another_assets_place) {
  const auto cache = cache_for(1);
  std::atomic<int> wrong{0};
  const auto work = [&](std::uint64_t seed) {
    for (std::uint64_t i = 0; i < 200'000; ++i) {
      const std::uint64_t id = (i * 7 + seed) % 64 * 1'000'003 + 5;
      cache.put({id}, id * 3);
      const auto place = cache.find({id});
      if (place != 0 && place != id * 3) wrong.fetch_add(1);
    }
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  EXPECT_EQ(wrong, 0);
}

TEST(mapped_index, follows_pages_of_several_files_and_generations) {
  auto bundle = std::make_shared<memory_bundle>();
  auto tree = fill(*bundle, 500);
  bundle->write(tree);
  const auto first = tree;
  tree = tree.apply({{bundle->add(asset_name(7), random_bytes(5000, 99))}, {path(asset_name(8))}}).value();
  bundle->write(tree);
  mapped_asset before, after;
  const auto changed = id_of(path(asset_name(7))), removed = id_of(path(asset_name(8)));
  ASSERT_EQ(mapped(*bundle, first).find(changed, before), lookup_result::found);
  ASSERT_EQ(mapped(*bundle, tree).find(changed, after), lookup_result::found);
  mapped_part part;
  ASSERT_TRUE(mapped_index::part(after, 0, part));
  EXPECT_EQ(part.size, 5000u);
  ASSERT_TRUE(mapped_index::part(before, 0, part));
  EXPECT_NE(part.size, 5000u);
  EXPECT_EQ(mapped(*bundle, first).find(removed, before), lookup_result::found);
  EXPECT_EQ(mapped(*bundle, tree).find(removed, after), lookup_result::absent);
  // A file that the head does not name is not looked into.
  const mapped_page_file other{memory_bundle::page_file + 1, bundle->page_bytes};
  EXPECT_EQ(mapped_index({&other, 1}, tree.root_location()).find(changed, after), lookup_result::corrupt);
}

TEST(mapped_index, an_empty_index_has_nothing) {
  auto bundle = std::make_shared<memory_bundle>();
  const index_tree tree(sha());
  bundle->write(tree);
  mapped_asset found;
  EXPECT_EQ(mapped(*bundle, tree).find({1}, found), lookup_result::absent);
  EXPECT_EQ(mapped_index().find({1}, found), lookup_result::corrupt);
}

// Pages below the sync mark are not verified again, so whatever rots there must not lead out of the files.
TEST(mapped_index, damaged_pages_never_lead_out_of_the_files) {
  auto bundle = std::make_shared<memory_bundle>();
  const auto tree = fill(*bundle, 150);
  bundle->write(tree);
  const byte_vector good = bundle->page_bytes;
  std::size_t noticed = 0;
  for (std::size_t at = page_file_header_bytes; at < good.size(); ++at)
    for (const auto flip : {std::byte{0x01}, std::byte{0x80}, std::byte{0xff}}) {
      // Of exactly its size, so that a sanitizer sees a read past the end.
      const std::vector<std::byte> bad = [&] {
        std::vector<std::byte> copy(good.begin(), good.end());
        copy[at] ^= flip;
        return copy;
      }();
      const mapped_page_file file{memory_bundle::page_file, bad};
      const mapped_index index({&file, 1}, tree.root_location());
      for (const std::size_t i : {std::size_t{1}, at % 150}) {
        mapped_asset found;
        const auto result = index.find(id_of(path(asset_name(i))), found);
        noticed += result == lookup_result::found ? 0 : 1;
        if (result != lookup_result::found) continue;
        ASSERT_TRUE(within(found.body, bad) && within(found.extents, bad) &&
                    within(as_bytes(found.path), bad));
        mapped_part part;
        for (unsigned k = 0; k <= found.parts; ++k) (void)mapped_index::part(found, k, part);
        for (unsigned k = 0; k < found.references; ++k) (void)mapped_index::reference(found, k);
      }
    }
  EXPECT_GT(noticed, 0u);
  for (std::size_t size = 0; size < good.size(); size += 7) {
    const std::vector<std::byte> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    const mapped_page_file file{memory_bundle::page_file, cut};
    mapped_asset found;
    (void)mapped_index({&file, 1}, tree.root_location()).find(id_of(path(asset_name(3))), found);
  }
}

}  // namespace
}  // namespace graphite
