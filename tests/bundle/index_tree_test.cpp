#include "bundle/index_tree.hpp"

#include <gtest/gtest.h>

#include "tests/bundle/index_support.hpp"

namespace graphite {
namespace {

using namespace test;

using content = std::map<std::string, asset_record>;

index_tree build(const content& from) {
  std::vector<asset_record> records;
  for (const auto& [name, record] : from) records.push_back(record);
  return index_tree::build(records, sha()).value();
}

content read_all(const index_tree& tree) {
  content out;
  asset_id before{};
  const auto good = tree.for_each([&](const located_asset& asset) {
    EXPECT_TRUE(out.empty() || asset.record.id() > before);
    before = asset.record.id();
    out.emplace(asset.record.path.str(), asset.record);
    return true;
  });
  EXPECT_TRUE(good) << good.error().context;
  return out;
}

/// A random asset: no bytes, small, large, or with a record blob.
asset_record random_asset(std::string_view name, std::mt19937_64& random) {
  const auto version = random() % 5;
  switch (random() % 8) {
    case 0:
      return make_asset(name, version, 0);
    case 1:
      return make_asset(name, version, 3'000'000);
    case 2:
      return make_large_asset(name, version, 200 + random() % 50);
    default:
      return make_asset(name, version);
  }
}

asset_changes random_changes(content& state, std::size_t names, std::size_t count, std::mt19937_64& random) {
  asset_changes out;
  std::set<std::string> touched;
  for (std::size_t i = 0; i < count; ++i) {
    const auto name = fmt::format("assets/{}.bin", random() % names);
    if (!touched.insert(name).second) continue;
    if (random() % 2 == 0) {
      out.removals.push_back(path(name));
      state.erase(name);
    } else {
      out.upserts.push_back(random_asset(name, random));
      state.insert_or_assign(name, out.upserts.back());
    }
  }
  return out;
}

TEST(index_tree, the_empty_index_has_a_root) {
  const index_tree tree(sha());
  EXPECT_EQ(tree.assets(), 0u);
  EXPECT_FALSE(tree.root().is_zero());
  EXPECT_EQ(tree.root(), build({}).root());
  EXPECT_FALSE(tree.find(asset_id{1}).value());
}

TEST(index_tree, any_history_gives_the_root_of_the_content) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    std::mt19937_64 random(seed);
    content state;
    index_tree tree(sha());
    const std::size_t names = seed % 3 == 0 ? 30 : 600;
    for (int round = 0; round < 40; ++round) {
      const auto changes = random_changes(state, names, 1 + random() % (round % 5 == 0 ? names : 10), random);
      tree = tree.apply(changes).value();
      ASSERT_EQ(tree.root(), build(state).root()) << "seed " << seed << " round " << round;
      ASSERT_EQ(tree.assets(), state.size());
    }
    EXPECT_EQ(read_all(tree), state);
  }
}

TEST(index_tree, removing_everything_merges_back_to_the_empty_root) {
  const auto records = many_assets(2'000);
  auto tree = index_tree::build(records, sha()).value();
  for (std::size_t i = 0; i < records.size(); i += 50) {
    asset_changes changes;
    for (std::size_t k = i; k < i + 50; ++k) changes.removals.push_back(records[k].path);
    tree = tree.apply(changes).value();
  }
  EXPECT_EQ(tree.root(), index_tree(sha()).root());
}

TEST(index_tree, finds_every_asset_and_no_other) {
  content state;
  std::mt19937_64 random(3);
  for (int i = 0; i < 500; ++i) {
    const auto name = fmt::format("a/{}.png", i);
    state.emplace(name, random_asset(name, random));
  }
  const auto tree = build(state);
  for (const auto& [name, record] : state) EXPECT_EQ(tree.find(record.id()).value()->record, record) << name;
  for (std::uint64_t i = 0; i < 1000; ++i) EXPECT_FALSE(tree.find(asset_id{random()}).value());
}

TEST(index_tree, a_change_that_changes_nothing_keeps_root_and_nodes) {
  const auto records = many_assets(500);
  const auto tree = index_tree::build(records, sha()).value();
  const auto same = tree.apply({{records[7]}, {path("not/there.png")}}).value();
  EXPECT_EQ(same.root_node(), tree.root_node());
}

TEST(index_tree, refuses_what_cannot_be_an_asset) {
  const index_tree tree(sha());
  const auto code = [&](asset_record record) { return tree.apply({{record}, {}}).error().code; };
  auto record = make_asset("a", 1);
  record.parts.clear();
  EXPECT_EQ(code(record), errc::invalid_argument);
  record = make_asset("a", 1);
  record.parts.resize(65, record.parts[0]);
  EXPECT_EQ(code(record), errc::too_large);
  record = make_asset("a", 1);
  record.references = {asset_id{2}, asset_id{2}};
  EXPECT_EQ(code(record), errc::invalid_argument);
  record = make_asset("a", 1);
  record.parts[0].only_chunk = {};
  EXPECT_EQ(code(record), errc::invalid_argument);
  record = make_asset("a", 1);
  EXPECT_EQ(tree.apply({{record, record}, {}}).error().code, errc::invalid_argument);
  EXPECT_EQ(tree.apply({{record}, {record.path}}).error().code, errc::invalid_argument);
}

TEST(index_tree, the_largest_asset_fits) {
  auto record =
      make_large_asset(std::string(200, 'd') + "/" + std::string(200, 'e') + "/" + std::string(200, 'f'), 1,
                       asset_record::references_max);
  record.parts.resize(asset_record::parts_max, make_asset("x", 2, 5'000'000).parts[0]);
  const auto tree = index_tree::build({record}, sha()).value();
  EXPECT_EQ(tree.find(record.id()).value()->record, record);
}

TEST(index_tree, diff_yields_what_was_added_changed_and_removed) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    std::mt19937_64 random(seed);
    content state;
    const auto before =
        index_tree(sha()).apply(random_changes(state, 800, seed < 5 ? 20 : 900, random)).value();
    const auto old_state = state;
    const auto after = before.apply(random_changes(state, 800, seed % 2 ? 700 : 15, random)).value();
    const auto changes = changes_between(before, after).value();
    for (const auto& record : changes.upserts) {
      const auto old = old_state.find(record.path.str());
      EXPECT_TRUE(old == old_state.end() || old->second != record);
      EXPECT_EQ(state.at(record.path.str()), record);
    }
    for (const auto& gone : changes.removals) EXPECT_FALSE(state.contains(gone.str()));
    EXPECT_EQ(before.apply(changes).value().root(), after.root()) << seed;
    EXPECT_EQ(after.apply(changes_between(after, before).value()).value().root(), before.root()) << seed;
  }
}

TEST(index_tree, diff_of_one_edit_loads_only_its_path) {
  const auto source = std::make_shared<memory_pages>();
  const auto records = many_assets(20'000);
  const auto before = index_tree::build(records, sha()).value();
  const auto after = before.apply({{make_asset(asset_name(77), 999'999)}, {}}).value();
  source->write(before);
  source->write(after);
  const auto a = index_tree::open(before.root(), {}, source, sha()).value();
  const auto b = index_tree::open(after.root(), {}, source, sha()).value();
  EXPECT_EQ(changes_between(a, b).value().upserts.size(), 1u);
  EXPECT_LE(source->loads, 10u);
}

TEST(index_tree, new_pages_are_exactly_what_a_peer_lacks) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    std::mt19937_64 random(seed);
    content state;
    const auto before =
        index_tree(sha()).apply(random_changes(state, 900, seed % 2 ? 1500 : 10, random)).value();
    const auto after = before.apply(random_changes(state, 900, seed < 3 ? 8 : 1200, random)).value();
    auto peer = std::make_shared<memory_pages>();
    peer->write(before);
    const auto fresh = new_pages(before, after).value();
    for (const auto& node : fresh)
      peer->pages()[node->id()] = byte_vector(node->bytes().begin(), node->bytes().end());
    const auto copy = index_tree::open(after.root(), {}, peer, sha()).value();
    EXPECT_EQ(read_all(copy), state) << seed;
  }
}

TEST(index_tree, unloaded_pages_are_read_again) {
  auto pages = std::make_shared<memory_pages>();
  const auto records = many_assets(3'000);
  const auto tree = index_tree::build(records, sha()).value().with_source(pages);
  tree.unload();
  EXPECT_EQ(pages->loads, 0u);
  EXPECT_TRUE(tree.find(records[0].id()).value()) << "what was not written is not dropped";
  pages->write(tree);
  tree.unload();
  EXPECT_TRUE(tree.find(records[0].id()).value());
  EXPECT_GT(pages->loads, 0u);
  const auto loads = pages->loads.load();
  EXPECT_TRUE(tree.find(records[0].id()).value());
  EXPECT_EQ(pages->loads, loads) << "loaded pages are kept";
}

TEST(index_tree, a_corrupt_page_is_an_error_not_a_wrong_answer) {
  auto pages = std::make_shared<memory_pages>();
  const auto records = many_assets(300);
  const auto built = index_tree::build(records, sha()).value();
  pages->write(built);
  for (auto& [id, bytes] : pages->pages())
    if (id != built.root()) bytes[bytes.size() / 2] ^= std::byte{1};
  const auto tree = index_tree::open(built.root(), {}, pages, sha()).value();
  EXPECT_EQ(tree.find(records[0].id()).error().code, errc::corrupt);
  EXPECT_EQ(tree.apply({{make_asset(asset_name(0), 9)}, {}}).error().code, errc::corrupt);
}

TEST(index_page, every_flip_and_cut_is_refused_or_another_valid_page) {
  const auto records = many_assets(300);
  const auto tree = index_tree::build(records, sha()).value();
  const auto leaf = tree.root_node()->links()[0].held();
  for (const auto& node : {tree.root_node(), leaf}) {
    const byte_vector bytes(node->bytes().begin(), node->bytes().end());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      auto bad = bytes;
      bad[at] ^= std::byte{0x21};
      (void)decode_page(bad);  // must not crash; the digest refuses it:
      EXPECT_FALSE(index_node::from_stored(node->id(), {}, {bad, {}, {}, {}}, false, sha()));
      EXPECT_FALSE(decode_page(byte_span(bytes).first(at)));
    }
  }
}

TEST(index_page, pages_that_are_not_canonical_are_refused) {
  const auto entry = encode_asset(make_asset("a", 1), sha()).entry;
  EXPECT_TRUE(decode_page(encode_leaf(0, {entry})));
  EXPECT_FALSE(decode_page(encode_leaf(0, {entry, entry})));
  EXPECT_FALSE(decode_page(encode_leaf(1, {})));
  const auto id = sha().sha256({});
  EXPECT_FALSE(decode_page(encode_inner({0, {{0, 10, 500, id}, {1, 10, 500, id}}}))) << "should be a leaf";
  EXPECT_TRUE(decode_page(encode_inner({0, {{0, 100, 5000, id}}})));
  EXPECT_FALSE(decode_page(encode_inner({16, {{0, 100, 5000, id}}})));
}

}  // namespace
}  // namespace graphite
