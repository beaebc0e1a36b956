#include "runtime/generation.hpp"

#include <gtest/gtest.h>

#include "tests/bundle/bundle_file_support.hpp"

namespace graphite {
namespace {

using namespace test;

class owned_bytes final : public mapped_range {
 public:
  explicit owned_bytes(byte_vector bytes) : bytes_(std::move(bytes)) {}
  result<byte_span> range(std::uint64_t offset, std::uint64_t length) const override {
    if (offset > bytes_.size() || length > bytes_.size() - offset)
      return fail(errc::corrupt, "beyond the end");
    return byte_span(bytes_).subspan(offset, length);
  }
  result<byte_span> all() const override { return byte_span(bytes_); }

 private:
  const byte_vector bytes_;
};

/// A bundle folder in memory; each mapping is a copy of what the file is then, as a mapping of a file that is
/// only appended to might as well be.
class memory_files final : public bundle_files {
 public:
  void publish(const index_tree& tree) {
    bundle.write(tree);
    auto value = sample_head(tree);
    value.sequence.value = ++sequence;
    head_bytes = encode_head({value, tree.root_location(), {}, {memory_bundle::page_file}}, sha()).value();
  }
  result<byte_vector> head() const override {
    if (head_bytes.empty()) return fail(errc::not_found, "no head");
    if (on_head) on_head();
    return head_bytes;
  }
  result<mapping> page_file(std::uint32_t number) const override {
    if (number != memory_bundle::page_file) return fail(errc::not_found, "no such page file");
    return std::make_shared<const owned_bytes>(bundle.page_bytes);
  }
  result<mapping> segment(segment_id id) const override {
    ++maps;
    if (id != memory_bundle::segment) return fail(errc::not_found, "no such segment");
    return std::make_shared<const owned_bytes>(bundle.segment_bytes);
  }

  std::shared_ptr<std::byte> zeros(std::uint64_t bytes) const override { return zeros_in_memory(bytes); }

  memory_bundle bundle;
  byte_vector head_bytes;
  std::uint64_t sequence = 0;
  mutable std::function<void()> on_head;
  mutable int maps = 0;
};

byte_vector content_of_asset(const generation& from, std::string_view name) {
  mapped_asset asset;
  mapped_part part;
  EXPECT_EQ(from.find(id_of(path(name)), asset), lookup_result::found) << name;
  EXPECT_TRUE(mapped_index::part(asset, 0, part)) << name;
  const auto bytes = from.bytes(part).value();
  return {bytes.begin(), bytes.end()};
}

TEST(generation, reads_what_was_published) {
  const auto files = std::make_shared<memory_files>();
  files->publish(fill(files->bundle, 500));
  const auto opened = generation::open(files, sha()).value();
  EXPECT_EQ(files->maps, 0) << "contents are mapped when they are read";
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
