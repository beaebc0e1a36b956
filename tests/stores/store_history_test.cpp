#include <gtest/gtest.h>

#include "tests/stores/sample_contents.hpp"

namespace graphite::test {
namespace {

/// Everything at once: what is told to be durable is, and what is fetched is right.
TEST(store_history, whatever_the_network_and_the_stores_do_nothing_is_lost_or_wrong) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    store_client::options options;
    options.silent_after = seconds(1);
    store_world world(seed, 4, 2, options);
    world.how.lose = 0.05;
    world.how.damage = 0.02;
    std::mt19937_64 random(seed);
    auto all = many_small(60);
    for (auto& one : of_all_sizes()) all.push_back(std::move(one));
    store_here(world, all);
    for (int i = 0; i < 12; ++i) {
      const auto name = world.names[random() % world.names.size()];
      world.later(milliseconds(random() % 6000), [&world, name] {
        world.kill(name);
        world.later(milliseconds(300), [&world, name] { world.start(name); });
      });
    }
    ASSERT_TRUE(world.bring(refs(all)));
    expect_well(world.brought, all.size());
    for (const auto& one : all) EXPECT_GE(world.copies_of(one.ref.id), 2U) << one.ref.size;
    forget_here(world, all);
    const auto gone = world.names[random() % world.names.size()];
    world.later(milliseconds(random() % 50), [&] { world.kill(gone); });
    ASSERT_TRUE(world.fetch(refs(all)));
    // A damaged answer makes a store look wrong: where that was the last one that has it, it is told so.
    for (const auto& one : all)
      if (world.fetched.at(one.ref.id)) {
        EXPECT_EQ(bytes_here(world, one.ref), one.bytes);
      }
  }
}

}  // namespace
}  // namespace graphite::test
