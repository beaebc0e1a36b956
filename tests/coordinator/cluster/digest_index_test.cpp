#include "coordinator/cluster/digest_index.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace graphite {
namespace {

/// Few homes, so that many share one; some differ only behind what is kept.
digest key_of(std::uint32_t i) {
  digest out;
  out.bytes[0] = static_cast<std::uint8_t>(i % 7 * 9);
  out.bytes[30] = static_cast<std::uint8_t>(i);
  out.bytes[31] = static_cast<std::uint8_t>(i >> 8);
  return out;
}

TEST(digest_index, is_a_map_whatever_is_put_and_erased) {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    digest_index index;
    std::map<digest, std::uint32_t> model;
    const auto find = [&](const digest& key) {
      return index.find(key, [&](std::uint32_t value) {
        const auto there = model.find(key);
        return there != model.end() && there->second == value;
      });
    };
    for (std::uint32_t step = 0; step < 2'000; ++step) {
      const auto key = key_of(static_cast<std::uint32_t>(random() % 200));
      if (model.count(key) == 0 && random() % 3 != 0) {
        index.insert(key, step);
        model[key] = step;
      } else {
        const auto there = model.find(key);
        ASSERT_EQ(index.erase(key, there == model.end() ? 1'000'000 : there->second), there != model.end());
        if (there != model.end()) model.erase(there);
      }
      ASSERT_EQ(index.size(), model.size());
    }
    for (std::uint32_t i = 0; i < 200; ++i) {
      const auto found = model.find(key_of(i));
      ASSERT_EQ(find(key_of(i)), found == model.end() ? digest_index::none : found->second);
    }
  }
}

TEST(digest_index, an_empty_one_has_nothing) {
  digest_index index;
  EXPECT_EQ(index.find(key_of(1), [](std::uint32_t) { return true; }), digest_index::none);
  EXPECT_FALSE(index.erase(key_of(1), 1));
}

}  // namespace
}  // namespace graphite
