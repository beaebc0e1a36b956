#include "runtime/tree_index.hpp"

#include <gtest/gtest.h>

#include "tests/bundle/index_support.hpp"

namespace graphite {
namespace {

using namespace test;

/// Pages from the leaf up, each with `slots` children that are all the page below it.
std::vector<byte_vector> pages_of_one_child(unsigned levels, unsigned slots_of_root) {
  // Sixteen of it do not fit a leaf.
  const auto entry = encode_asset(make_asset(std::string(250, 'a') + "/b", 1), sha()).entry;
  std::vector<byte_vector> out{encode_leaf(levels, {entry})};
  inner_child child{0, 1, entry.size(), sha().sha256(out.back())};
  for (unsigned depth = levels; depth-- > 0;) {
    const unsigned slots = depth == 0 ? slots_of_root : 16;
    inner_page page{depth, {}};
    for (child.slot = 0; child.slot < slots; ++child.slot) page.children.push_back(child);
    out.push_back(encode_inner(page));
    child = {0, slots * child.assets, slots * child.entry_bytes, sha().sha256(out.back())};
  }
  return out;
}

/// Fetches what is missing of the tree whose root comes last; how many pages that took.
std::size_t fetch(tree_index& index, const std::vector<byte_vector>& pages) {
  std::map<digest, const byte_vector*> known;
  for (const auto& page : pages) known.emplace(sha().sha256(page), &page);
  const digest root = sha().sha256(pages.back());
  std::size_t fetched = 0;
  while (true) {
    const auto missing = index.missing(root, 100).value();
    if (missing.empty()) return fetched;
    for (const auto& id : missing) {
      EXPECT_TRUE(index.add(id, *known.at(id)));
      ++fetched;
    }
  }
}

// A peer's few pages that name each other sixteen times a level: 16^8 ways from the second root to the leaf.
TEST(tree_index, a_page_at_many_places_is_looked_at_once) {
  tree_index index(sha(), nullptr);
  EXPECT_EQ(fetch(index, pages_of_one_child(9, 16)), 10u);
  EXPECT_EQ(fetch(index, pages_of_one_child(9, 15)), 1u);
}

}  // namespace
}  // namespace graphite
