#include "coordinator/cluster/rank_heap.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace graphite {
namespace {

TEST(rank_heap, is_a_sorted_set_whatever_is_pushed_and_removed) {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    rank_heap heap;
    rank_heap::place_table places(300);
    std::set<ranked_item> model;
    std::vector<std::optional<ranked_item>> in(300);
    for (int step = 0; step < 2'000; ++step) {
      const auto item = static_cast<std::uint32_t>(random() % 300);
      if (!in[item]) {
        in[item] =
            ranked_item{static_cast<std::int64_t>(random() % 40), static_cast<std::uint64_t>(step), item};
        heap.push(*in[item], places);
        model.insert(*in[item]);
      } else {
        heap.remove(places[item], places);
        model.erase(*in[item]);
        in[item].reset();
      }
      ASSERT_EQ(heap.size(), model.size());
      if (!model.empty()) {
        ASSERT_EQ(heap.best().item, model.begin()->item);
      }
    }
  }
}

}  // namespace
}  // namespace graphite
