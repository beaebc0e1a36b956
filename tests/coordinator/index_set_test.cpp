#include "coordinator/index_set.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace graphite {
namespace {

TEST(index_set, is_a_set_whatever_comes_and_goes) {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    index_set set;
    std::set<std::uint32_t> model;
    for (int step = 0; step < 500; ++step) {
      const auto index = static_cast<std::uint32_t>(random() % 100);
      if (random() % 3 == 0) {
        set.erase(index);
        model.erase(index);
      } else {
        set.insert(index);
        model.insert(index);
      }
      ASSERT_EQ(set.size(), model.size());
      ASSERT_EQ(set.empty(), model.empty());
      if (step % 50 == 49) {
        ASSERT_EQ(set.ascending(), std::vector(model.begin(), model.end()));
      }
      if (step % 150 == 149) {
        ASSERT_EQ(set.take(), std::vector(model.begin(), model.end()));
        model.clear();
      }
    }
  }
}

}  // namespace
}  // namespace graphite
