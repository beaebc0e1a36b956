#include "core/arena.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "tests/support/plain_buffers.hpp"

namespace graphite {
namespace {

TEST(arena, gives_aligned_memory_that_nobody_else_has) {
  plain_buffers pool;
  arena memory(pool, {.block_bytes = 4096, .block_bytes_max = 16384});
  std::mt19937 random(3);
  std::vector<std::span<unsigned char>> all;
  for (int i = 0; i < 2000; ++i) {
    const std::size_t alignment = std::size_t{1} << random() % 13, bytes = random() % 9000;
    auto* const got = static_cast<unsigned char*>(memory.allocate(bytes, alignment));
    ASSERT_NE(got, nullptr);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(got) % alignment, 0u);
    all.emplace_back(got, bytes);
    std::memset(got, i & 0xff, bytes);
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const auto byte : all[i]) ASSERT_EQ(byte, i & 0xff);
}

TEST(arena, is_empty_after_a_reset_and_keeps_its_largest_block) {
  plain_buffers pool;
  arena memory(pool, {.block_bytes = 4096, .block_bytes_max = 65536});
  for (int i = 0; i < 100; ++i) ASSERT_NE(memory.allocate(1000), nullptr);
  const auto held = memory.bytes_held();
  EXPECT_EQ(pool.facts().bytes_in_use, held);
  memory.reset();
  EXPECT_EQ(memory.bytes_held(), 65536u);
  EXPECT_EQ(pool.facts().bytes_in_use, 65536u);
  for (int i = 0; i < 60; ++i) ASSERT_NE(memory.allocate(1000), nullptr);
  EXPECT_EQ(memory.bytes_held(), 65536u);
}

TEST(arena, never_holds_more_than_its_bound) {
  plain_buffers pool;
  arena memory(pool, {.block_bytes = 4096, .block_bytes_max = 8192, .bytes_max = 20'000});
  std::size_t had = 0;
  while (memory.allocate(500) != nullptr) had += 500;
  EXPECT_LE(memory.bytes_held(), 20'000u);
  EXPECT_GT(had, 10'000u);
  EXPECT_EQ(memory.allocate(std::size_t{1} << 62), nullptr);
  EXPECT_EQ(memory.allocate_array<std::uint64_t>(std::size_t{1} << 62).size(), 0u);
  memory.reset();
  EXPECT_NE(memory.allocate(500), nullptr);
}

TEST(arena, nothing_has_an_address_too) {
  plain_buffers pool;
  arena memory(pool);
  EXPECT_NE(memory.allocate(0), nullptr);
}

/// A pool that sets aside more than is asked for: what still fits is given.
TEST(arena, takes_less_than_usual_where_that_is_all_that_fits) {
  plain_buffers pool;
  arena memory(pool, {.block_bytes = 4096, .block_bytes_max = 8192, .bytes_max = 4096 + 5000});
  ASSERT_NE(memory.allocate(4096), nullptr);
  EXPECT_NE(memory.allocate(16), nullptr);
}

TEST(arena, stays_usable_where_the_pool_gives_nothing_more) {
  plain_buffers pool;
  arena memory(pool, {.block_bytes = 4096});
  auto* const first = static_cast<char*>(memory.allocate(4000));
  std::memset(first, 7, 4000);
  pool.fail_takes(true);
  EXPECT_EQ(memory.allocate(4000), nullptr);
  EXPECT_NE(memory.allocate(50), nullptr);
  EXPECT_EQ(first[3999], 7);
  pool.fail_takes(false);
  const auto numbers = memory.allocate_array<double>(1000);
  EXPECT_EQ(numbers.size(), 1000u);
}

}  // namespace
}  // namespace graphite
