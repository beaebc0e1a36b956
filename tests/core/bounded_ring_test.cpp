#include "core/bounded_ring.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <thread>
#include <vector>

namespace graphite {
namespace {

TEST(bounded_ring, gives_the_oldest_first_and_refuses_when_full) {
  bounded_ring<int> ring(3);
  ASSERT_EQ(ring.capacity(), 4u);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 4; ++i) {
      int value = round * 10 + i;
      ASSERT_TRUE(ring.push(value));
    }
    int kept = 99;
    EXPECT_FALSE(ring.push(kept));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(ring.pop(), round * 10 + i);
    EXPECT_EQ(ring.pop(), std::nullopt);
  }
}

TEST(bounded_ring, leaves_what_it_refuses_and_destroys_what_it_holds) {
  auto held = std::make_shared<int>(1), refused = std::make_shared<int>(2);
  {
    bounded_ring<std::shared_ptr<int>> ring(2);
    for (int i = 0; i < 2; ++i) {
      auto copy = held;
      ASSERT_TRUE(ring.push(copy));
      EXPECT_EQ(copy, nullptr);
    }
    EXPECT_FALSE(ring.push(refused));
    EXPECT_NE(refused, nullptr);
    EXPECT_EQ(held.use_count(), 3);
    EXPECT_NE(ring.pop(), std::nullopt);
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(bounded_ring, loses_and_doubles_nothing_among_many_threads) {
  constexpr std::size_t producers = 3, consumers = 3, each = 20'000;
  bounded_ring<std::size_t> ring(64);
  std::atomic<std::size_t> taken{0};
  std::vector<std::atomic<unsigned>> seen(producers * each);
  std::vector<std::thread> threads;
  for (std::size_t p = 0; p < producers; ++p)
    threads.emplace_back([&, p] {
      for (std::size_t i = 0; i < each; ++i) {
        auto value = p * each + i;
        while (!ring.push(value)) std::this_thread::yield();
      }
    });
  for (std::size_t c = 0; c < consumers; ++c)
    threads.emplace_back([&] {
      while (taken < producers * each) {
        if (const auto got = ring.pop()) {
          ++seen[*got];
          ++taken;
        } else {
          std::this_thread::yield();
        }
      }
    });
  for (auto& thread : threads) thread.join();
  for (const auto& count : seen) ASSERT_EQ(count, 1u);
  EXPECT_EQ(ring.pop(), std::nullopt);
}

}  // namespace
}  // namespace graphite
