#include "platform/linux/buffer_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <random>
#include <set>
#include <thread>

#include "tests/support/plain_buffers.hpp"

namespace graphite {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

template <class Pool>
std::unique_ptr<buffers> make_pool(std::size_t bytes_max);
template <>
std::unique_ptr<buffers> make_pool<buffer_pool>(std::size_t bytes_max) {
  return std::make_unique<buffer_pool>(buffer_pool_options{.bytes_max = bytes_max, .shards = 2});
}
template <>
std::unique_ptr<buffers> make_pool<plain_buffers>(std::size_t bytes_max) {
  return std::make_unique<plain_buffers>(bytes_max);
}

template <class Pool>
class buffers_contract : public testing::Test {};
using pools = testing::Types<buffer_pool, plain_buffers>;
TYPED_TEST_SUITE(buffers_contract, pools);

TYPED_TEST(buffers_contract, gives_at_least_what_is_asked_for_at_a_page) {
  const auto pool = make_pool<TypeParam>(64 * mib);
  for (const std::size_t bytes :
       {std::size_t{1}, std::size_t{4096}, std::size_t{4097}, 300'000ul, mib, mib + 1, 5 * mib}) {
    const auto got = pool->take(bytes);
    ASSERT_TRUE(got) << bytes;
    EXPECT_GE(got->bytes().size(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(got->bytes().data()) % 4096, 0u);
    std::memset(got->bytes().data(), 1, got->bytes().size());
    EXPECT_EQ(pool->facts().bytes_in_use, got->bytes().size());
  }
  EXPECT_EQ(pool->facts().bytes_in_use, 0u);
}

TYPED_TEST(buffers_contract, nobody_gets_what_another_has) {
  const auto pool = make_pool<TypeParam>(64 * mib);
  std::mt19937 random(5);
  std::vector<std::pair<buffer, unsigned char>> held;
  for (int step = 0; step < 3000; ++step) {
    if (held.size() > 20 || (!held.empty() && random() % 3 == 0)) {
      auto& [one, mark] = held[random() % held.size()];
      for (std::size_t at = 0; at < one.bytes().size(); at += 1021)
        ASSERT_EQ(std::to_integer<unsigned char>(one.bytes()[at]), mark);
      std::swap(held[random() % held.size()], held.back());
      held.pop_back();
    } else if (auto got = pool->take(1 + random() % (std::size_t{1} << (random() % 22)))) {
      const auto mark = static_cast<unsigned char>(step);
      std::memset(got->bytes().data(), mark, got->bytes().size());
      held.emplace_back(std::move(*got), mark);
    }
  }
}

TYPED_TEST(buffers_contract, holds_its_bound_and_says_so) {
  const auto pool = make_pool<TypeParam>(8 * mib);
  EXPECT_EQ(pool->take(9 * mib).error().code, errc::too_large);
  EXPECT_EQ(pool->take(static_cast<std::size_t>(-1)).error().code, errc::too_large);
  std::vector<buffer> held;
  while (auto got = pool->take(200'000)) held.push_back(std::move(*got));
  EXPECT_GE(held.size(), 8 * mib / 262'144);
  EXPECT_EQ(pool->take(200'000).error().code, errc::busy);
  EXPECT_LE(pool->facts().bytes_held, 8 * mib);
  held.pop_back();
  EXPECT_TRUE(pool->take(200'000));
}

/// What one size had, all others can have.
TYPED_TEST(buffers_contract, memory_changes_its_size) {
  const auto pool = make_pool<TypeParam>(8 * mib);
  for (const std::size_t bytes : {4096ul, 65536ul, mib, 2 * mib, 8 * mib, 3 * mib, 4096ul}) {
    std::vector<buffer> held;
    while (auto got = pool->take(bytes)) held.push_back(std::move(*got));
    EXPECT_EQ(held.size(),
              8 * mib / (bytes > 2 * mib ? (bytes + 2 * mib - 1) / (2 * mib) * (2 * mib) : bytes))
        << bytes;
    EXPECT_LE(pool->facts().bytes_held, 8 * mib);
  }
}

TYPED_TEST(buffers_contract, a_buffer_moves_with_its_owner) {
  const auto pool = make_pool<TypeParam>(8 * mib);
  buffer one = *pool->take(5000), other = *pool->take(6000);
  EXPECT_FALSE(buffer());
  auto* const where = other.bytes().data();
  one = std::move(other);
  EXPECT_EQ(one.bytes().data(), where);
  EXPECT_FALSE(other);
  EXPECT_EQ(pool->facts().bytes_in_use, one.bytes().size());
}

/// An empty slab is found behind another that is not.
TEST(buffer_pool, gives_what_is_free_whatever_lies_before_it) {
  buffer_pool pool({.bytes_max = 4 * mib, .shards = 1});
  auto a = *pool.take(mib), b = *pool.take(mib), c = *pool.take(mib);
  c = {};
  a = {};
  EXPECT_TRUE(pool.take(2 * mib));
  EXPECT_EQ(pool.facts().bytes_in_use, mib);
}

TEST(buffer_pool, takes_first_what_came_back_last) {
  buffer_pool pool({.bytes_max = 8 * mib, .shards = 1});
  auto* const where = pool.take(5000)->bytes().data();
  EXPECT_EQ(pool.take(7000)->bytes().data(), where);
}

/// Pages that run out, and that are all given back.
TEST(buffer_pool, survives_a_system_without_memory) {
  const auto real = system_pages();
  std::size_t left = 2, out = 0;
  {
    page_supply scarce = real;
    scarce.take = [&](std::size_t bytes) -> result<std::span<std::byte>> {
      if (left == 0) return fail(errc::out_of_space, "none left");
      --left, ++out;
      return real.take(bytes);
    };
    scarce.give_back = [&](std::span<std::byte> pages) {
      --out;
      real.give_back(pages);
    };
    buffer_pool pool({.bytes_max = 64 * mib, .shards = 2, .pages = scarce});
    std::vector<buffer> held;
    error last{};
    while (true) {
      auto got = pool.take(mib);
      if (!got) {
        last = got.error();
        break;
      }
      held.push_back(std::move(*got));
    }
    EXPECT_EQ(last.code, errc::out_of_space);
    EXPECT_EQ(held.size(), 4u);
    EXPECT_EQ(pool.facts().bytes_held, 4 * mib);
    left = 1;
    EXPECT_TRUE(pool.take(mib));
  }
  EXPECT_EQ(out, 0u);
}

TEST(buffer_pool, many_threads_take_and_give_back_each_others) {
  buffer_pool pool({.bytes_max = 32 * mib, .shards = 2});
  std::mutex mutex;
  std::vector<buffer> shared;
  std::vector<std::thread> threads;
  std::atomic<std::size_t> wrong = 0;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 3000; ++i) {
        auto got = pool.take(1 + random() % (std::size_t{1} << (random() % 22)));
        if (!got) {
          if (got.error().code != errc::busy) ++wrong;
          const std::lock_guard lock(mutex);
          shared.clear();
          continue;
        }
        auto* const words = reinterpret_cast<std::uint32_t*>(got->bytes().data());
        *words = t;
        std::this_thread::yield();
        if (*words != t) ++wrong;
        const std::lock_guard lock(mutex);
        shared.push_back(std::move(*got));
        if (shared.size() > 10) shared.erase(shared.begin() + random() % shared.size());
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
  shared.clear();
  EXPECT_EQ(pool.facts().bytes_in_use, 0u);
}

}  // namespace
}  // namespace graphite
