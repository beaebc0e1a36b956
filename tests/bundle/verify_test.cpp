#include "bundle/verify.hpp"

#include <gtest/gtest.h>

#include "bundle/delta.hpp"
#include "platform/linux/fresh_threads.hpp"
#include "tests/bundle/bundle_file_support.hpp"

namespace graphite {
namespace {

using namespace test;

struct exported {
  byte_vector bytes;
  export_summary summary;
};

result<exported> export_to_memory(const index_tree& tree, const memory_bundle& bundle,
                                  const head_file& from) {
  exported out;
  const auto put = [&](byte_span more) -> result<void> {
    byte_writer(out.bytes).bytes(more);
    return {};
  };
  GRAPHITE_TRY(out.summary, export_bundle(from, tree, bundle, bundle.find(), put));
  return out;
}
exported export_to_memory(const index_tree& tree, const memory_bundle& bundle) {
  return export_to_memory(tree, bundle, {sample_head(tree), {}, {}, {}}).value();
}

/// The head of `tree` with a side object, which lies in `bundle`.
head_file head_with_behind(const index_tree& tree, memory_bundle& bundle) {
  head_file out{sample_head(tree), {}, {}, {}};
  const auto side = encode_behind({1, {{path("a.png"), behind_asset::why::failed, "no such colour"}}});
  const auto content = bundle.add("side", side).parts[0].content;
  out.value.behind = content.id;
  out.behind = bundle.places.at(content.id);
  return out;
}

verify_report verify_exported(const exported_bundle& file) {
  const auto tree =
      index_tree::open(file.head().value.root, file.head().root, {&file, [](const auto*) {}}, sha());
  if (!tree) return {.errors = 1, .first_errors = {tree.error()}};
  verify_options options;
  options.head = &file.head();
  return verify_bundle(*tree, file, options);
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
  EXPECT_EQ(verify(bundle, tree, {.errors_max = 1, .find = {}, .progress = {}}).first_errors.size(), 1u);
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

// Sixteen children a page that are all one page: a few pages, and 16^7 places to look at.
TEST(verify, a_page_at_many_places_is_refused_and_not_walked_for_each) {
  struct few_pages final : page_source {
    std::map<digest, byte_vector> pages;
    result<stored_page> load(const digest& id, page_location) const override {
      return stored_page{pages.at(id), {}, {}, {}};
    }
  };
  auto source = std::make_shared<few_pages>();
  const auto keep = [&](byte_vector page) {
    const digest id = sha().sha256(page);
    source->pages.emplace(id, std::move(page));
    return id;
  };
  // Sixteen of it do not fit a leaf.
  const auto entry = encode_asset(make_asset(std::string(250, 'a') + "/b", 1), sha()).entry;
  inner_child child{0, 1, entry.size(), keep(encode_leaf(7, {entry}))};
  for (int depth = 6; depth >= 0; --depth) {
    inner_page page{static_cast<unsigned>(depth), {}};
    for (child.slot = 0; child.slot < 16; ++child.slot) page.children.push_back(child);
    child = {0, 16 * child.assets, 16 * child.entry_bytes, keep(encode_inner(page))};
  }
  const auto tree = index_tree::open(child.id, {}, source, sha());
  ASSERT_TRUE(tree) << tree.error().context;
  const auto report = verify_bundle(*tree, memory_bundle(), {});
  EXPECT_FALSE(report.good());
  EXPECT_LE(report.pages, 8u * 16);
}

TEST(verify, a_head_that_miscounts_its_assets_is_refused) {
  auto bundle = std::make_shared<memory_bundle>();
  const auto tree = fill(*bundle, 300);
  bundle->write(tree);
  head_file from{sample_head(tree), {}, {}, {}};
  EXPECT_TRUE(verify(bundle, tree, {.find = {}, .head = &from, .progress = {}}).good());
  from.value.assets = 301;
  const auto report = verify(bundle, tree, {.find = {}, .head = &from, .progress = {}});
  ASSERT_EQ(report.errors, 1u);
  EXPECT_EQ(report.first_errors[0].context, "the head says 301 assets, its index has 300");
  EXPECT_EQ(report.assets, 300u) << "the rest is read all the same";
  EXPECT_EQ(index_tree::open(from.value, tree.root_location(), bundle, sha()).error().code, errc::corrupt);
  EXPECT_EQ(export_to_memory(tree, *bundle, from).error().code, errc::corrupt);
}

TEST(verify, can_be_ended_early) {
  auto bundle = std::make_shared<memory_bundle>();
  const auto tree = fill(*bundle, 300);
  bundle->write(tree);
  const auto report =
      verify(bundle, tree, {.find = {}, .progress = [](std::uint64_t assets, auto) { return assets < 10; }});
  EXPECT_FALSE(report.complete);
  EXPECT_EQ(report.assets, 10u);
}

TEST(export_bundle, one_file_holds_everything) {
  memory_bundle bundle;
  const auto tree = fill(bundle, 300);
  const auto out = export_to_memory(tree, bundle);
  EXPECT_EQ(out.summary.bytes, out.bytes.size());
  const auto file = exported_bundle::open(out.bytes, sha()).value();
  EXPECT_EQ(file->head().value, sample_head(tree));
  const auto report = verify_exported(*file);
  EXPECT_TRUE(report.good()) << (report.first_errors.empty() ? "" : report.first_errors[0].context);
  EXPECT_EQ(report.assets, 300u);
}

TEST(export_bundle, what_is_behind_comes_along) {
  memory_bundle bundle;
  const auto tree = fill(bundle, 30);
  const auto from = head_with_behind(tree, bundle);
  const auto out = export_to_memory(tree, bundle, from).value();
  const auto file = exported_bundle::open(out.bytes, sha()).value();
  EXPECT_EQ(file->head().value, from.value) << "what a signature covers is not touched";
  const auto list = read_behind(file->head(), *file, nullptr, sha()).value();
  ASSERT_TRUE(list) << "an exported head names what is not in its file";
  EXPECT_EQ(list->listed.at(0).message, "no such colour");
  EXPECT_TRUE(verify_exported(*file).good());
}

TEST(export_bundle, the_signature_comes_along) {
  memory_bundle bundle;
  const auto tree = fill(bundle, 30);
  const head_file from{sample_head(tree), {}, {}, {}, byte_vector(40, std::byte{7})};
  const auto out = export_to_memory(tree, bundle, from).value();
  EXPECT_EQ(exported_bundle::open(out.bytes, sha()).value()->head().signature, from.signature);
}

TEST(export_bundle, a_side_object_that_is_not_held_is_left_out) {
  memory_bundle bundle;
  const auto tree = fill(bundle, 3);
  head_file from{sample_head(tree), {}, {}, {}};
  from.value.behind = sha().sha256({});
  const auto out = export_to_memory(tree, bundle, from).value();
  const auto file = exported_bundle::open(out.bytes, sha()).value();
  EXPECT_EQ(file->head().value, from.value);
  EXPECT_EQ(read_behind(file->head(), *file, nullptr, sha()).value(), std::nullopt);
  EXPECT_TRUE(verify_exported(*file).good());
}

/// Where nothing lies in an exported file: the zeros in front of contents and of the first page.
std::vector<bool> gaps_of(const exported& from, const exported_bundle& file) {
  std::vector<bool> gaps(from.bytes.size(), false);
  const auto tree =
      index_tree::open(file.head().value.root, file.head().root, {&file, [](const auto*) {}}, sha()).value();
  std::vector<extent> used{file.head().behind};
  EXPECT_TRUE(tree.for_each([&](const located_asset& asset) {
    used.insert(used.end(), asset.extents.begin(), asset.extents.end());
    return true;
  }));
  std::uint64_t contents_end = export_header_bytes;
  for (const auto& where : used) contents_end = std::max(contents_end, where.offset + where.length);
  std::fill(gaps.begin() + export_header_bytes,
            gaps.begin() + static_cast<std::ptrdiff_t>(align_up(contents_end, small_alignment)), true);
  for (const auto& where : used)
    std::fill_n(gaps.begin() + static_cast<std::ptrdiff_t>(where.offset), where.length, false);
  return gaps;
}

TEST(export_bundle, every_flipped_byte_but_of_gaps_and_every_cut_length_is_refused) {
  memory_bundle bundle;
  std::vector<asset_record> records;
  for (const std::size_t size : {50ul, 4097ul, 130ul, 0ul})
    records.push_back(bundle.add(asset_name(size), random_bytes(size, size)));
  for (const auto i : {1ul, 2ul, 3ul}) records.push_back(make_large_asset(asset_name(i), 0, 200));
  for (auto& record : records)
    if (record.references.size() > 1) record.parts = records[0].parts;
  const auto tree = index_tree::build(records, sha()).value();
  auto out = export_to_memory(tree, bundle, head_with_behind(tree, bundle)).value();
  const auto sound = [](byte_span bytes) {
    const auto file = exported_bundle::open(bytes, sha());
    return file && verify_exported(**file).good();
  };
  ASSERT_TRUE(sound(out.bytes));
  const auto gaps = gaps_of(out, *exported_bundle::open(out.bytes, sha()).value());
  for (std::size_t at = 0; at < out.bytes.size(); ++at) {
    if (gaps[at]) {
      ASSERT_EQ(out.bytes[at], std::byte{0}) << at;
    }
    out.bytes[at] ^= std::byte{0x08};
    ASSERT_EQ(sound(out.bytes), gaps[at]) << at;
    out.bytes[at] ^= std::byte{0x08};
  }
  for (std::size_t size = 0; size < out.bytes.size(); ++size)
    ASSERT_FALSE(sound(byte_span(out.bytes).first(size))) << size;
}

TEST(verify, several_threads_report_the_same) {
  const auto bundle = std::make_shared<memory_bundle>();
  const auto tree = fill(*bundle, 300);
  bundle->write(tree);
  for (std::size_t i = 1'000; i < bundle->segment_bytes.size(); i += 50'000)
    bundle->segment_bytes[i] ^= std::byte{1};
  verify_options options;
  const auto one = verify(bundle, tree, options);
  fresh_threads threads(4);
  options.parallel = &threads;
  const auto four = verify(bundle, tree, options);
  EXPECT_GT(one.errors, 0u);
  EXPECT_EQ(four.errors, one.errors);
  EXPECT_EQ(four.bytes, one.bytes);
  EXPECT_EQ(four.chunks, one.chunks);
  EXPECT_EQ(four.contents, one.contents);
  ASSERT_EQ(four.first_errors.size(), one.first_errors.size());
  for (std::size_t i = 0; i < one.first_errors.size(); ++i)
    EXPECT_EQ(four.first_errors[i].context, one.first_errors[i].context);
}

TEST(export_bundle, damaged_contents_are_not_exported) {
  memory_bundle bundle;
  const auto tree = index_tree::build({bundle.add("a", random_bytes(100, 1))}, sha()).value();
  bundle.segment_bytes[bundle.places.begin()->second.offset] ^= std::byte{1};
  EXPECT_EQ(export_to_memory(tree, bundle, {sample_head(tree), {}, {}, {}}).error().code, errc::corrupt);
}

TEST(export_bundle, a_damaged_side_object_is_not_exported) {
  memory_bundle bundle;
  const auto tree = fill(bundle, 3);
  const auto from = head_with_behind(tree, bundle);
  bundle.segment_bytes[from.behind.offset] ^= std::byte{1};
  EXPECT_EQ(export_to_memory(tree, bundle, from).error().code, errc::corrupt);
  verify_options options;
  options.find = bundle.find();
  options.head = &from;
  EXPECT_EQ(verify_bundle(tree, bundle, options).errors, 1u);
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
