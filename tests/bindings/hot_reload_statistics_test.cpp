// What graphite_hot_reload_statistics() says of one generation, by values that are known otherwise.

#include <gtest/gtest.h>

#include "tests/bindings/following.hpp"

namespace graphite {
namespace {

using namespace test;

std::uint64_t ns_since(std::chrono::steady_clock::time_point when) {
  return static_cast<std::uint64_t>((std::chrono::steady_clock::now() - when).count());
}

TEST(hot_reload_statistics, times_are_of_the_last_generation_alone) {
  bundle_on_disk disk(60);
  follow_options options;
  options.file = disk.exported();
  followed_bundle live(std::move(options));
  for (int i = 0; i < 20; ++i) {
    disk.change("a", random_bytes(100'000, 1000u + static_cast<unsigned>(i)));
    const auto begun = std::chrono::steady_clock::now();
    live.reload(disk.path());
    const auto whole = ns_since(begun);
    const auto now = live.statistics();
    EXPECT_GT(now.stage_ns, 0u);
    EXPECT_GT(now.swap_ns, 0u);
    EXPECT_LE(now.stage_ns + now.swap_ns, whole) << i << ": both are parts of the call";
  }
}

TEST(hot_reload_statistics, a_swap_takes_from_staged_to_current_also_where_it_waits_for_a_poll) {
  bundle_on_disk disk(60);
  follow_options options;
  options.folder = disk.path();
  options.config.swap_in_poll = true;
  followed_bundle live(std::move(options));
  live.poll();
  disk.change("a", bytes_of("one"));
  ASSERT_TRUE(wait_until([&] { return live.statistics().reload_pending; }));
  const auto staged = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) const bundle takes_time(disk.path());
  const auto waited = ns_since(staged);
  live.poll();
  const auto now = live.statistics();
  EXPECT_FALSE(now.reload_pending);
  EXPECT_GE(now.swap_ns, waited);
}

TEST(hot_reload_statistics, verified_bytes_are_those_of_what_changed) {
  bundle_on_disk disk(60);
  followed_bundle live([&] {
    follow_options options;
    options.folder = disk.path();
    return options;
  }());
  EXPECT_EQ(live.statistics().verified_bytes, 0u) << "the first generation is believed";
  disk.change("a", random_bytes(70'001, 1));
  ASSERT_TRUE(live.wait(1, long_ns));
  EXPECT_EQ(live.statistics().verified_bytes, 70'001u);
  disk.remove("a");
  ASSERT_TRUE(live.wait(2, long_ns));
  disk.change("b", random_bytes(5, 2));
  ASSERT_TRUE(live.wait(3, long_ns));
  EXPECT_EQ(live.statistics().verified_bytes, 70'006u);
  EXPECT_EQ(live.statistics().fetched_bytes, 0u) << "nothing is fetched for a folder";
  EXPECT_EQ(live.statistics().missing_parts, 0u);
  EXPECT_EQ(live.statistics().swaps, 4u);
}

}  // namespace
}  // namespace graphite
