#include "runtime/lookup_memory.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "tests/runtime/memory_files.hpp"

namespace graphite::test {
namespace {

/// Generations of `assets` ids, each with what it remembers and where its assets really are.
struct remembered_generations {
  struct one {
    lookup_memory memory;
    std::map<asset_id, asset_place> places;
  };

  explicit remembered_generations(std::size_t assets) {
    one first{lookup_memory(files, assets), {}};
    for (std::size_t i = 0; i < assets; ++i) first.places[{random()}] = somewhere();
    for (const auto& [id, place] : first.places) first.memory.put(id, place), ids.push_back(id);
    all.push_back(std::move(first));
  }

  /// The next one: `count` assets have moved, a tenth of them is gone.
  void change(std::size_t count) {
    std::set<asset_id> changed;
    while (changed.size() < count) changed.insert(ids[random() % ids.size()]);
    one next{{}, all.back().places};
    for (const auto id : changed)
      if (random() % 10 == 0)
        next.places.erase(id);
      else
        next.places[id] = somewhere();
    next.memory = lookup_memory::after(
        all.back().memory, {changed.begin(), changed.end()},
        [&](asset_id id) { return next.places.contains(id) ? next.places[id] : asset_place{}; }, files,
        ids.size());
    all.push_back(std::move(next));
  }

  /// Small tables keep no shapes.
  static bool same(asset_place found, asset_place put) {
    return found.where == put.where && (found.shape == put.shape || found.shape == 0);
  }

  /// What `of` remembers of its assets; fails where that is not so.
  std::size_t known_to(const one& of) const {
    std::size_t known = 0;
    for (const auto id : ids) {
      const auto found = of.memory.find(id);
      const auto there = of.places.find(id);
      EXPECT_TRUE(!found.known() || (there != of.places.end() && same(found, there->second)));
      known += found.known() ? 1 : 0;
    }
    return known;
  }

  std::mt19937_64 random{11};
  asset_place somewhere() {
    const auto number = next_place++;
    return {number, static_cast<std::uint32_t>(number * 7 % (1u << asset_place::shape_bits))};
  }
  std::uint64_t next_place = 1;
  memory_files files;
  std::vector<asset_id> ids;
  std::vector<one> all;
};

TEST(lookup_memory, a_new_generation_knows_what_the_one_before_knew_and_what_has_changed) {
  remembered_generations made(10'000);
  for (int i = 0; i < 500; ++i) made.change(10);
  for (std::size_t i = 0; i < made.all.size(); i += 50) {
    const auto& one = made.all[i];
    EXPECT_GT(made.known_to(one), one.places.size() * 97 / 100) << i;
    EXPECT_LE(one.memory.apart(), lookup_memory::apart_max);
  }
}

TEST(lookup_memory, many_changes_at_once_begin_a_table_that_is_filled) {
  remembered_generations made(20'000);
  made.change(lookup_memory::apart_max);
  EXPECT_EQ(made.all.back().memory.apart(), lookup_memory::apart_max);
  made.change(3'000);
  EXPECT_EQ(made.all.back().memory.apart(), 0u);
  for (const auto& one : made.all) EXPECT_GT(made.known_to(one), one.places.size() * 97 / 100);
}

TEST(lookup_memory, what_an_older_generation_finds_later_does_no_harm_to_a_newer_one) {
  remembered_generations made(3'000);
  for (int i = 0; i < 400; ++i) {
    made.change(20);
    for (int look = 0; look < 100; ++look) {
      const auto& by = made.all[made.random() % made.all.size()];
      const auto id = made.ids[made.random() % made.ids.size()];
      const auto there = by.places.find(id);
      if (there != by.places.end() && !by.memory.find(id).known()) by.memory.put(id, there->second);
    }
  }
  for (const auto& one : made.all) EXPECT_GT(made.known_to(one), one.places.size() * 9 / 10);
}

}  // namespace
}  // namespace graphite::test
