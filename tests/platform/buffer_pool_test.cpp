#include "platform/linux/buffer_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <random>
#include <set>
#include <thread>

#include "tests/support/fake_placement.hpp"
#include "tests/support/plain_buffers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

/// A system that says that its pages and its transparent huge pages have these sizes. The first is a multiple
/// of what they really have.
template <std::size_t Page, std::size_t Huge>
class pages_of {
 public:
  pages_of() {
    const std::string folder = "sys/kernel/mm/transparent_hugepage/";
    folder_.write(folder + "hpage_pmd_size", std::to_string(Huge) + "\n");
    folder_.write(folder + "enabled", "always [madvise] never\n");
  }
  memory_fact_source facts() const {
    return {folder_.path(), [](int name) { return name == _SC_PAGESIZE ? long{Page} : ::sysconf(name); }};
  }

 private:
  test::temporary_folder folder_{test::temporary_folder::quick_base()};
};
using pages_4k = pages_of<4096, 2 * mib>;
using pages_16k = pages_of<16384, 32 * mib>;
using pages_64k = pages_of<65536, 512 * mib>;

/// Pools, and the page that their buffers begin at.
struct system_pool {
  std::unique_ptr<buffers> make(std::size_t bytes_max) const {
    return std::make_unique<buffer_pool>(buffer_pool_options{.bytes_max = bytes_max, .shards = 2});
  }
  std::size_t page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
};
struct plain_pool : system_pool {
  std::unique_ptr<buffers> make(std::size_t bytes_max) const {
    return std::make_unique<plain_buffers>(bytes_max);
  }
};
template <std::size_t Page, std::size_t Huge>
struct pool_of_pages {
  std::unique_ptr<buffers> make(std::size_t bytes_max) const {
    return std::make_unique<buffer_pool>(buffer_pool_options{
        .bytes_max = bytes_max, .shards = 2, .pages = system_pages(nullptr, {}, pages.facts())});
  }
  pages_of<Page, Huge> pages;
  std::size_t page_bytes = Page;
};

template <class Pool>
class buffers_contract : public testing::Test {
 protected:
  std::unique_ptr<buffers> make_pool(std::size_t bytes_max) const { return kind_.make(bytes_max); }
  std::size_t page_bytes() const { return kind_.page_bytes; }

 private:
  Pool kind_;
};
using pools =
    testing::Types<system_pool, plain_pool, pool_of_pages<16384, 32 * mib>, pool_of_pages<65536, 512 * mib>>;
TYPED_TEST_SUITE(buffers_contract, pools);

TYPED_TEST(buffers_contract, gives_at_least_what_is_asked_for_at_a_page) {
  const auto pool = this->make_pool(64 * mib);
  for (const std::size_t bytes :
       {std::size_t{1}, std::size_t{4096}, std::size_t{4097}, 300'000ul, mib, mib + 1, 5 * mib}) {
    const auto got = pool->take(bytes);
    ASSERT_TRUE(got) << bytes;
    EXPECT_GE(got->bytes().size(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(got->bytes().data()) % this->page_bytes(), 0u) << bytes;
    std::memset(got->bytes().data(), 1, got->bytes().size());
    EXPECT_EQ(pool->facts().bytes_in_use, got->bytes().size());
  }
  EXPECT_EQ(pool->facts().bytes_in_use, 0u);
}

TYPED_TEST(buffers_contract, nobody_gets_what_another_has) {
  const auto pool = this->make_pool(64 * mib);
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
  const auto pool = this->make_pool(8 * mib);
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
  const auto pool = this->make_pool(8 * mib);
  for (const std::size_t bytes : {4096ul, 65536ul, mib, 2 * mib, 8 * mib, 3 * mib, 4096ul}) {
    std::vector<buffer> held;
    while (auto got = pool->take(bytes)) held.push_back(std::move(*got));
    const auto unit = bytes > 2 * mib ? 2 * mib : std::max(bytes, this->page_bytes());
    EXPECT_EQ(held.size(), 8 * mib / ((bytes + unit - 1) / unit * unit)) << bytes;
    EXPECT_LE(pool->facts().bytes_held, 8 * mib);
  }
}

TYPED_TEST(buffers_contract, a_buffer_moves_with_its_owner) {
  const auto pool = this->make_pool(8 * mib);
  buffer one = *pool->take(5000), other = *pool->take(6000);
  EXPECT_FALSE(buffer());
  auto* const where = other.bytes().data();
  one = std::move(other);
  EXPECT_EQ(one.bytes().data(), where);
  EXPECT_FALSE(other);
  EXPECT_EQ(pool->facts().bytes_in_use, one.bytes().size());
}

/// One alone may begin at a larger page by luck.
TYPED_TEST(buffers_contract, many_small_ones_begin_at_pages_each) {
  const auto pool = this->make_pool(8 * mib);
  std::vector<buffer> held;
  for (int i = 0; i < 100; ++i) {
    held.push_back(*pool->take(1));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(held.back().bytes().data()) % this->page_bytes(), 0u) << i;
  }
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

template <class Pages>
class system_pages_of : public testing::Test {
 protected:
  static constexpr auto slab = buffer_pool::slab_bytes;

  /// Takes pages, gives them back; how many bytes they were, and how it was with them.
  std::string taken(const page_supply& source, std::size_t bytes) {
    const auto pages = source.take(bytes);
    if (!pages) return pages.error().context;
    const bool aligned = reinterpret_cast<std::uintptr_t>(pages->data()) % source.page_bytes == 0;
    std::memset(pages->data(), 1, pages->size());
    source.give_back(*pages);
    return (aligned ? "" : "not at a page, ") + std::to_string(pages->size() / mib) + " MiB";
  }
  Pages pages_;
};
using page_sizes = testing::Types<pages_4k, pages_16k, pages_64k>;
TYPED_TEST_SUITE(system_pages_of, page_sizes);

TYPED_TEST(system_pages_of, are_as_many_as_were_asked_for_whatever_a_huge_one_has) {
  const auto facts = this->pages_.facts();
  const auto source = system_pages(nullptr, {}, facts);
  EXPECT_EQ(source.page_bytes, read_memory_facts(facts).page_bytes);
  for (const std::size_t bytes : {this->slab, 3 * this->slab, 16 * this->slab, 17 * this->slab})
    EXPECT_EQ(this->taken(source, bytes), std::to_string(bytes / mib) + " MiB");
}

TEST(system_pages, are_huge_where_a_whole_number_of_those_is_asked_for) {
  if (read_memory_facts().transparent == transparent_mode::absent) GTEST_SKIP() << "this kernel has none";
  const pages_16k pages;
  const auto source = system_pages(nullptr, {}, pages.facts());
  auto taken = source.take(2 * mib);
  ASSERT_TRUE(taken);
  source.give_back(*taken);
  EXPECT_EQ(source.reason(), "2 MiB are no whole huge pages of 32 MiB");
  taken = source.take(64 * mib);
  ASSERT_TRUE(taken);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(taken->data()) % (32 * mib), 0u);
  source.give_back(*taken);
  EXPECT_EQ(source.reason(), "");
}

TEST(system_pages, of_a_node_that_refuses_tell_that) {
  test::fake_placement placement;
  placement.options().refused = "told to refuse";
  const pages_64k pages;
  const auto source = system_pages(&placement, 0u, pages.facts());
  const auto taken = source.take(2 * mib);
  ASSERT_TRUE(taken);
  source.give_back(*taken);
  EXPECT_THAT(source.reason(), testing::HasSubstr("told to refuse"));
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
