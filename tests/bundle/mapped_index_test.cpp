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
  std::size_t with_shape = 0;
  for (std::size_t i = 0; i < 3000; ++i) {
    const auto id = id_of(path(asset_name(i)));
    mapped_asset found, again;
    asset_place place;
    ASSERT_EQ(index.find(id, found, &place), lookup_result::found) << i;
    const auto wanted = tree.find(id).value().value();
    expect_same(found, wanted);
    ASSERT_EQ(place.known(), i != 1) << "the one with a record blob has no place";
    if (!place.known()) continue;
    with_shape += place.shape != 0 ? 1 : 0;
    for (const auto shape : {place.shape, 0u}) {
      ASSERT_TRUE(index.at({place.where, shape}, id, again));
      expect_same(again, wanted);
    }
    EXPECT_FALSE(index.at({place.where, 0}, {id.value + 1}, again));
    EXPECT_FALSE(mapped_index().at(place, id, again)) << "it lies outside of these files";
    for (const auto beside : {id.value - 1, id.value + 1, ~id.value})
      ASSERT_EQ(index.find({beside}, found), lookup_result::absent) << i;
  }
  EXPECT_GT(with_shape, 2'000u);
}

lookup_cache cache_for(std::uint64_t assets) {
  const auto bytes = lookup_cache::bytes_for(assets);
  return {zeros_in_memory(bytes), bytes};
}

struct put_assets {
  explicit put_assets(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      all.emplace_back(asset_id{random()},
                       asset_place{random() % (std::uint64_t{1} << asset_place::where_bits) | 1,
                                   static_cast<std::uint32_t>(random()) % (1u << asset_place::shape_bits)});
    }
  }
  std::mt19937_64 random{3};
  std::vector<std::pair<asset_id, asset_place>> all;
};

TEST(lookup_cache, gives_back_what_was_put_or_nothing) {
  for (const std::size_t count : {1'000u, 100'000u}) {
    put_assets put(count);
    const auto cache = cache_for(count);
    for (const auto& [id, place] : put.all) EXPECT_FALSE(cache.find(id).known());
    for (const auto& [id, place] : put.all) cache.put(id, place);
    std::size_t remembered = 0;
    for (const auto& [id, place] : put.all) {
      const auto found = cache.find(id);
      if (!found.known()) continue;
      ++remembered;
      EXPECT_EQ(found.where, place.where);
      EXPECT_EQ(found.shape, count > 10'000 ? place.shape : 0u) << "a small table has no room for shapes";
    }
    EXPECT_GT(remembered, count * 98 / 100);
    for (int i = 0; i < 100'000; ++i) EXPECT_FALSE(cache.find({put.random()}).known());
    // Ids beside those that were put: each bit that is not compared would show.
    for (const auto& [id, place] : put.all)
      for (unsigned bit = 0; bit < 64; bit += 1 + count / 10'000) {
        const auto found = cache.find({id.value ^ std::uint64_t{1} << bit});
        EXPECT_FALSE(found.known()) << bit;
      }
  }
  EXPECT_FALSE(lookup_cache().find({1}).known());
}

TEST(lookup_cache, a_larger_table_takes_over_what_a_smaller_one_had_and_what_is_replaced_is_gone) {
  put_assets put(40'000);
  const auto small = cache_for(30'000), large = cache_for(400'000);
  for (const auto& [id, place] : put.all) small.put(id, place);
  large.take_over(small);
  std::size_t kept = 0;
  for (const auto& [id, place] : put.all) {
    if (!small.find(id).known()) continue;
    kept += large.find(id) == place ? 1 : 0;
    large.replace(id, {});
    EXPECT_FALSE(large.find(id).known());
  }
  EXPECT_GT(kept, 35'000u);
  large.replace(put.all[0].first, {77, 5});
  EXPECT_EQ(large.find(put.all[0].first), (asset_place{77, 5}));
}

/// Threads that put and find assets of one bucket, and of the one beside it.
void race_in_one_bucket(const lookup_cache& cache) {
  std::atomic<int> wrong{0};
  const auto work = [&](std::uint64_t seed) {
    for (std::uint64_t i = 0; i < 200'000; ++i) {
      const std::uint64_t number = (i * 7 + seed) % 64, id = number * 0x9e37'79b9'7f4a'7c15 << 30 | 5;
      const asset_place place{id >> 20 | 1, static_cast<std::uint32_t>(number + 1)};
      cache.put({id}, place);
      const auto found = cache.find({id});
      if (found.known() && (found.where != place.where || (found.shape != 0 && found.shape != place.shape)))
        wrong.fetch_add(1);
    }
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  EXPECT_EQ(wrong, 0);
}

TEST(lookup_cache, threads_that_write_one_bucket_never_give_another_assets_place) {
  race_in_one_bucket(cache_for(1));
  race_in_one_bucket(cache_for(100'000));
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
