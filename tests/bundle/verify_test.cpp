#include "bundle/verify.hpp"

#include <gtest/gtest.h>

#include "bundle/delta.hpp"
#include "tests/bundle/bundle_file_support.hpp"

namespace graphite {
namespace {

using namespace test;

struct exported {
  byte_vector bytes;
  export_summary summary;
};

exported export_to_memory(const index_tree& tree, const memory_bundle& bundle) {
  exported out;
  out.summary =
      export_bundle(sample_head(tree), tree, bundle, bundle.find(), [&](byte_span more) -> result<void> {
        byte_writer(out.bytes).bytes(more);
        return {};
      }).value();
  return out;
}

verify_report verify(const std::shared_ptr<const memory_bundle>& bundle, const index_tree& written,
                     const verify_options& options = {}) {
  const auto tree = index_tree::open(written.root(), written.root_location(), bundle, sha()).value();
  return verify_bundle(tree, *bundle, options);
}

TEST(verify, a_sound_bundle_passes) {
  auto bundle = std::make_shared<memory_bundle>();
  const auto tree = fill(*bundle, 300);
  bundle->write(tree);
  const auto report = verify(bundle, tree);
  EXPECT_TRUE(report.good());
  EXPECT_EQ(report.assets, 300u);
  EXPECT_GT(report.contents, 30u);
}

TEST(verify, every_damaged_content_is_named) {
  auto bundle = std::make_shared<memory_bundle>();
  std::vector<asset_record> records;
  for (std::size_t i = 0; i < 20; ++i)
    records.push_back(bundle->add(asset_name(i), random_bytes(300 + i, i)));
  const auto tree = index_tree::build(records, sha()).value();
  bundle->write(tree);
  for (std::size_t i : {3ul, 8ul})
    bundle->segment_bytes[bundle->places[records[i].parts[0].content.id].offset + 17] ^= std::byte{1};
  const auto report = verify(bundle, tree);
  EXPECT_EQ(report.errors, 2u);
  ASSERT_EQ(report.first_errors.size(), 2u);
  EXPECT_NE((report.first_errors[0].context + report.first_errors[1].context).find(asset_name(3)),
            std::string::npos);
  EXPECT_EQ(verify(bundle, tree, {1, true, {}, {}}).first_errors.size(), 1u);
}

TEST(verify, a_damaged_page_is_found_and_the_rest_still_read) {
  auto bundle = std::make_shared<memory_bundle>();
  const auto tree = fill(*bundle, 300);
  bundle->write(tree);
  const auto where = tree.root_node()->links().at(2).location();
  bundle->page_bytes[where.offset + 100] ^= std::byte{1};
  const auto report = verify(bundle, tree);
  EXPECT_EQ(report.errors, 1u);
  EXPECT_GT(report.assets, 200u);
}

TEST(verify, can_be_ended_early) {
  auto bundle = std::make_shared<memory_bundle>();
  const auto tree = fill(*bundle, 300);
  bundle->write(tree);
  const auto report =
      verify(bundle, tree, {10, true, {}, [](std::uint64_t assets, std::uint64_t) { return assets < 10; }});
  EXPECT_FALSE(report.complete);
  EXPECT_EQ(report.assets, 10u);
}

TEST(export_bundle, one_file_holds_everything) {
  memory_bundle bundle;
  const auto tree = fill(bundle, 300);
  const auto out = export_to_memory(tree, bundle);
  EXPECT_EQ(out.summary.bytes, out.bytes.size());
  const auto file = exported_bundle::open(out.bytes, sha()).value();
  EXPECT_EQ(file->value(), sample_head(tree));
  const auto again = index_tree::open(file->value().root, file->root_location(), file, sha()).value();
  const auto report = verify_bundle(again, *file, {});
  EXPECT_TRUE(report.good()) << (report.first_errors.empty() ? "" : report.first_errors[0].context);
  EXPECT_EQ(report.assets, 300u);
}

TEST(export_bundle, no_damage_passes_a_verification) {
  memory_bundle bundle;
  std::vector<asset_record> records;
  for (std::size_t i = 0; i < 3; ++i)
    records.push_back(bundle.add(asset_name(i), random_bytes(50 + 3000 * i, i)));
  const auto tree = index_tree::build(records, sha()).value();
  const auto out = export_to_memory(tree, bundle);
  const auto sound = [&](byte_span bytes) {
    const auto file = exported_bundle::open(bytes, sha());
    if (!file) return false;
    const auto again = index_tree::open((*file)->value().root, (*file)->root_location(), *file, sha());
    return again && verify_bundle(*again, **file, {}).good();
  };
  ASSERT_TRUE(sound(out.bytes));
  std::size_t harmless = 0;
  for (std::size_t at = 0; at < out.bytes.size(); ++at) {
    auto bad = out.bytes;
    bad[at] ^= std::byte{0x08};
    if (!sound(bad)) continue;
    ++harmless;  // only the zeros between contents
    EXPECT_EQ(out.bytes[at], std::byte{0}) << at;
  }
  EXPECT_LT(harmless, 3 * 4096u + 64 * 3);
  for (std::size_t size = 0; size < out.bytes.size(); ++size)
    EXPECT_FALSE(sound(byte_span(out.bytes).first(size)));
}

TEST(export_bundle, damaged_contents_are_not_exported) {
  memory_bundle bundle;
  const auto tree = index_tree::build({bundle.add("a", random_bytes(100, 1))}, sha()).value();
  bundle.segment_bytes[bundle.places.begin()->second.offset] ^= std::byte{1};
  const auto outcome =
      export_bundle(sample_head(tree), tree, bundle, bundle.find(), [](byte_span) { return result<void>(); });
  EXPECT_EQ(outcome.error().code, errc::corrupt);
}

TEST(delta, copies_and_missing_chunks_make_the_new_content) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 10; ++round) {
    const auto old = random_bytes(1 + random() % 2'000'000, random());
    auto now = old;
    now.insert(now.begin() + static_cast<std::ptrdiff_t>(random() % now.size()), 1 + round * 1000,
               std::byte{7});
    if (round % 3 == 0) now.insert(now.end(), now.begin(), now.end());
    const auto plan = plan_delta(chunk_bytes(old, sha()), chunk_bytes(now, sha()));
    byte_vector made(now.size());
    std::uint64_t covered = 0;
    const auto put = [&](byte_span from, std::uint64_t to) {
      std::copy(from.begin(), from.end(), made.begin() + static_cast<std::ptrdiff_t>(to));
      covered += from.size();
    };
    for (const auto& copy : plan.copies) put(byte_span(old).subspan(copy.from, copy.length), copy.to);
    for (const auto& miss : plan.missing)
      for (const auto to : miss.to) put(byte_span(now).subspan(miss.to[0], miss.chunk.size), to);
    EXPECT_EQ(covered, now.size());
    EXPECT_EQ(made, now);
  }
}

TEST(delta, one_chunk_with_two_sizes_is_never_copied) {
  const auto id = sha().sha256({});
  const auto plan = plan_delta({{{id, 100}}}, {{{id, 200'000}}});
  EXPECT_TRUE(plan.copies.empty());
  EXPECT_EQ(plan.missing_bytes(), 200'000u);
}

}  // namespace
}  // namespace graphite
