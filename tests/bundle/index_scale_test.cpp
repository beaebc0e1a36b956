#include <gtest/gtest.h>

#include "tests/bundle/index_support.hpp"

// The costs that are promised at a million assets, as counts.

namespace graphite {
namespace {

using namespace test;

TEST(index_scale, one_edit_among_a_million_assets_makes_at_most_eight_pages) {
  auto tree = index_tree::build(many_assets(1'000'000), sha()).value();
  EXPECT_EQ(tree.assets(), 1'000'000u);
  for (const auto& node : unwritten_pages(tree)) node->set_location({1, 64});
  for (std::size_t i : {0ul, 31'337ul, 999'999ul, 1'234'567ul}) {
    tree = tree.apply({{make_asset(asset_name(i), i + 5)}, {}}).value();
    const auto fresh = unwritten_pages(tree);
    EXPECT_LE(fresh.size(), 8u);
    std::size_t bytes = 0;
    for (const auto& node : fresh) {
      bytes += node->bytes().size();
      node->set_location({1, 64});
    }
    EXPECT_LE(bytes, 16 * KiB);
  }
}

}  // namespace
}  // namespace graphite
