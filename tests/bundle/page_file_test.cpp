#include "bundle/page_file.hpp"

#include <gtest/gtest.h>

#include "bundle/verify.hpp"
#include "tests/bundle/bundle_file_support.hpp"

namespace graphite {
namespace {

using namespace test;

TEST(page_file, a_reopened_tree_reads_assets_and_extents) {
  auto bundle = std::make_shared<memory_bundle>();
  const auto built = fill(*bundle, 400);
  bundle->write(built);
  const auto tree = index_tree::open(built.root(), built.root_location(), bundle, sha()).value();
  std::size_t seen = 0;
  ASSERT_TRUE(tree.for_each([&](const located_asset& asset) {
    ++seen;
    const auto& content = asset.record.parts.at(0).content;
    if (content.size == 0) return true;
    EXPECT_EQ(asset.extents.at(0), bundle->places.at(content.id));
    return true;
  }));
  EXPECT_EQ(seen, 400u);
}

TEST(page_file, a_change_appends_only_its_path) {
  auto bundle = std::make_shared<memory_bundle>();
  auto tree = fill(*bundle, 3'000);
  EXPECT_GT(bundle->write(tree), 100u);
  EXPECT_EQ(bundle->write(tree), 0u);
  tree = tree.apply({{bundle->add(asset_name(5), random_bytes(500, 77))}, {}}).value();
  EXPECT_LE(bundle->write(tree), 5u);
  const auto again = index_tree::open(tree.root(), tree.root_location(), bundle, sha()).value();
  EXPECT_EQ(again.find(id_of_path_text(asset_name(5))).value()->record.parts[0].content.size, 500u);
}

TEST(page_file, a_scan_finds_every_page_and_the_tail) {
  memory_bundle bundle;
  const auto tree = fill(bundle, 300);
  const auto written = bundle.write(tree);
  auto file = bundle.page_bytes;
  file.resize(file.size() + 1000);
  std::set<digest> seen;
  const auto tail =
      scan_pages(file, memory_bundle::page_file, 0, [&](std::uint64_t, const page_record& record) {
        EXPECT_EQ(sha().sha256(record.page.bytes), record.id);
        seen.insert(record.id);
      });
  EXPECT_EQ(tail, bundle.page_bytes.size());
  EXPECT_EQ(seen.size(), written);
}

TEST(page_file, every_flipped_byte_of_a_record_is_refused) {
  memory_bundle bundle;
  const auto tree = fill(bundle, 60);
  bundle.write(tree);
  const auto where = tree.root_node()->links().at(0).location();
  const auto end = decode_page_record(bundle.page_bytes, where.file, where.offset).value().end;
  for (auto at = where.offset; at < end; ++at) {
    auto bad = bundle.page_bytes;
    bad[at] ^= std::byte{0x40};
    // The padding between page and pointers is under the checksum, too.
    EXPECT_FALSE(decode_page_record(bad, where.file, where.offset)) << at - where.offset;
  }
  for (auto size = where.offset; size < end; ++size)
    EXPECT_FALSE(decode_page_record(byte_span(bundle.page_bytes).first(size), where.file, where.offset));
  EXPECT_FALSE(decode_page_record(bundle.page_bytes, where.file + 1, where.offset))
      << "another file's record";
}

// Written in one go, every record is live: a byte of any of them that changes, and any length that is cut
// off, is refused by the walk from the root.
TEST(page_file, every_flipped_byte_and_every_cut_length_of_a_file_is_refused) {
  auto bundle = std::make_shared<memory_bundle>();
  std::vector<asset_record> records;
  for (std::size_t i = 0; i < 40; ++i) records.push_back(make_asset(asset_name(i), i));
  records.push_back(make_large_asset("large", 1, 200));
  const auto written = index_tree::build(records, sha()).value();
  ASSERT_EQ(bundle->write(written), 17u) << "an inner page, leaves and a record blob";
  const auto sound = [&] {
    const auto tree = index_tree::open(written.root(), written.root_location(), bundle, sha());
    verify_options index_alone;
    index_alone.contents = false;
    return tree && verify_bundle(*tree, *bundle, index_alone).good();
  };
  ASSERT_TRUE(sound());
  auto& bytes = bundle->page_bytes;
  for (std::size_t at = page_file_header_bytes; at < bytes.size(); ++at) {
    bytes[at] ^= std::byte{0x20};
    ASSERT_FALSE(sound()) << at;
    bytes[at] ^= std::byte{0x20};
  }
  while (!bytes.empty()) {
    bytes.pop_back();
    ASSERT_FALSE(sound()) << bytes.size();
  }
}

// A scan, which finds where to append, ends exactly in front of the first record that is not whole.
TEST(page_file, a_scan_of_every_cut_length_ends_behind_the_last_whole_record) {
  memory_bundle bundle;
  const auto tree = index_tree::build(many_assets(40), sha()).value();
  bundle.write(tree);
  std::vector<std::uint64_t> ends{page_file_header_bytes};
  scan_pages(bundle.page_bytes, memory_bundle::page_file, 0,
             [&](std::uint64_t, const page_record& record) { ends.push_back(record.end); });
  ASSERT_GT(ends.size(), 3u);
  for (std::size_t size = page_file_header_bytes; size <= bundle.page_bytes.size(); ++size) {
    const auto tail =
        scan_pages(byte_span(bundle.page_bytes).first(size), memory_bundle::page_file, 0, [](auto, auto&) {});
    ASSERT_EQ(tail, *std::prev(std::upper_bound(ends.begin(), ends.end(), size))) << size;
  }
}

TEST(page_file, the_file_header_is_checked) {
  const auto bytes = encode_page_file_header(7);
  EXPECT_EQ(decode_page_file_header(bytes).value(), 7u);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto bad = bytes;
    bad[at] ^= std::byte{2};
    EXPECT_FALSE(decode_page_file_header(bad)) << at;
    EXPECT_FALSE(decode_page_file_header(byte_span(bytes).first(at)));
  }
}

TEST(page_file, parents_before_children_are_refused) {
  memory_bundle bundle;
  const auto tree = fill(bundle, 300);
  EXPECT_EQ(encode_pages({tree.root_node()}, 1, 64, bundle.find(), sha()).error().code,
            errc::invalid_argument);
}

TEST(page_location, packs_into_one_number) {
  for (const page_location where :
       {page_location{}, {1, 64}, {page_location::file_max, page_location::offset_max}})
    EXPECT_EQ(page_location::from_packed(where.packed()), where);
}

}  // namespace
}  // namespace graphite
