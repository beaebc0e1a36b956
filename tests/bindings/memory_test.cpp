#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstring>
#include <thread>

#include "bindings/c/graphite.hpp"
#include "tests/bindings/forked.hpp"
#include "tests/support/reserved_huge_pages.hpp"

namespace graphite {
namespace {

struct c_large_pages : testing::Test {
  const test::huge_page_turn turn;
};
struct cpp_memory : c_large_pages {};

constexpr std::size_t mebibyte = std::size_t{1} << 20;

bool is_multiple(const void* memory, std::size_t of) {
  return reinterpret_cast<std::uintptr_t>(memory) % of == 0;
}

bool is_mapped(const void* page) {
  unsigned char resident = 0;
  return ::mincore(const_cast<void*>(page), 1, &resident) == 0;
}

/// Reads as zeros and keeps what is written.
bool is_usable(void* memory, std::size_t size) {
  auto* const bytes = static_cast<volatile unsigned char*>(memory);
  for (std::size_t at = 0; at < size; at += 4'096)
    if (bytes[at] != 0) return false;
  if (bytes[size - 1] != 0) return false;
  std::memset(memory, 0x5A, size);
  return bytes[0] == 0x5A && bytes[size / 2] == 0x5A && bytes[size - 1] == 0x5A;
}

TEST(c_platform, the_sizes_of_this_machine_are_powers_of_two) {
  for (const auto size : {graphite_cache_line_size(), graphite_page_size()}) EXPECT_EQ(size & (size - 1), 0u);
  EXPECT_GE(graphite_cache_line_size(), 16u);
  EXPECT_EQ(graphite_page_size(), static_cast<std::size_t>(::getpagesize()));
  EXPECT_EQ(graphite_page_size() % GRAPHITE_PAGE_SIZE, 0u) << "the guess divides it";
  const std::uint32_t value = 1;
  EXPECT_EQ(graphite_is_little_endian(), *reinterpret_cast<const unsigned char*>(&value) == 1);
}

TEST(c_aligned, memory_begins_where_it_should_and_is_freed) {
  for (std::size_t alignment = 1; alignment <= mebibyte; alignment *= 2)
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{63}, alignment + 1}) {
      void* const memory = graphite_aligned_alloc(size, alignment);
      ASSERT_NE(memory, nullptr) << size << ' ' << alignment;
      EXPECT_TRUE(is_multiple(memory, alignment));
      std::memset(memory, 1, size);
      graphite_aligned_free(memory);
    }
  graphite_aligned_free(nullptr);
}

TEST(c_aligned, two_of_no_bytes_are_not_at_one_place) {
  void* const first = graphite_aligned_alloc(0, 64);
  void* const second = graphite_aligned_alloc(0, 64);
  EXPECT_NE(first, second);
  graphite_aligned_free(first);
  graphite_aligned_free(second);
}

TEST(c_aligned, says_why_there_is_none) {
  for (const std::size_t alignment : {0u, 3u, 24u, 4'095u}) {
    EXPECT_EQ(graphite_aligned_alloc(1, alignment), nullptr);
    EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_INVALID_ARGUMENT) << alignment;
  }
  for (const auto& [size, alignment] :
       {std::pair<std::size_t, std::size_t>{SIZE_MAX, 64}, {SIZE_MAX / 2, 64}, {1, SIZE_MAX / 2 + 1}}) {
    EXPECT_EQ(graphite_aligned_alloc(size, alignment), nullptr);
    EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_OUT_OF_MEMORY);
  }
}

TEST_F(c_large_pages, of_any_size_are_zeroed_writable_and_freed_with_it) {
  for (const auto size :
       {std::size_t{1}, std::size_t{4'097}, 2 * mebibyte, 2 * mebibyte + 1, 7 * mebibyte - 5}) {
    void* memory = nullptr;
    ASSERT_EQ(graphite_alloc_large_pages(&memory, size), GRAPHITE_SUCCESS) << graphite_last_error();
    EXPECT_TRUE(is_multiple(memory, graphite_page_size()));
    EXPECT_TRUE(is_usable(memory, size));
    EXPECT_EQ(graphite_free_large_pages(memory, size), GRAPHITE_SUCCESS);
    EXPECT_FALSE(is_mapped(memory));
    EXPECT_FALSE(is_mapped(static_cast<char*>(memory) + size - 1)) << "all of it";
  }
}

TEST_F(c_large_pages, no_pointer_is_left_where_there_is_no_memory) {
  int somewhere = 0;
  void* memory = &somewhere;
  EXPECT_EQ(graphite_alloc_large_pages(&memory, 0), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(memory, nullptr);
  EXPECT_EQ(graphite_alloc_large_pages(nullptr, 1), GRAPHITE_ERROR_INVALID_ARGUMENT);
  for (const auto size :
       {SIZE_MAX, SIZE_MAX - 4'096, SIZE_MAX / 2, SIZE_MAX / 2 - 4 * mebibyte, SIZE_MAX / 4}) {
    memory = &somewhere;
    EXPECT_EQ(graphite_alloc_large_pages(&memory, size), GRAPHITE_ERROR_OUT_OF_MEMORY) << size;
    EXPECT_EQ(memory, nullptr);
    graphite_large_pages pages;
    EXPECT_EQ(graphite_map_large_pages(size, nullptr, &pages), GRAPHITE_ERROR_OUT_OF_MEMORY) << size;
    EXPECT_EQ(pages.memory, nullptr);
  }
}

TEST_F(c_large_pages, what_was_not_given_is_not_freed) {
  EXPECT_EQ(graphite_free_large_pages(nullptr, 1), GRAPHITE_SUCCESS);
  void* memory = nullptr;
  ASSERT_EQ(graphite_alloc_large_pages(&memory, mebibyte), GRAPHITE_SUCCESS);
  EXPECT_EQ(graphite_free_large_pages(static_cast<char*>(memory) + 1, mebibyte),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_free_large_pages(memory, 0), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_free_large_pages(memory, SIZE_MAX), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_TRUE(is_mapped(memory));
  EXPECT_EQ(graphite_free_large_pages(memory, mebibyte), GRAPHITE_SUCCESS);
}

TEST_F(c_large_pages, the_limit_of_the_process_is_want_of_memory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer reserves more address space than the limit";
#endif
  test::forked child([] {
    const ::rlimit limit{512 * mebibyte, 512 * mebibyte};
    ::setrlimit(RLIMIT_AS, &limit);
    void* memory = &memory;
    if (graphite_alloc_large_pages(&memory, 1'024 * mebibyte) != GRAPHITE_ERROR_OUT_OF_MEMORY) return 1;
    if (memory != nullptr) return 2;
    if (graphite_alloc_large_pages(&memory, mebibyte) != GRAPHITE_SUCCESS) return 3;
    return is_usable(memory, mebibyte) ? 0 : 4;
  });
  EXPECT_EQ(child.status(), 0);
}

TEST_F(c_large_pages, what_was_given_is_said) {
  for (const auto best : {GRAPHITE_PAGES_NORMAL, GRAPHITE_PAGES_TRANSPARENT, GRAPHITE_PAGES_HUGETLB}) {
    graphite_large_pages_options options;
    graphite_large_pages_options_init(&options);
    options.best = best;
    graphite_large_pages pages;
    ASSERT_EQ(graphite_map_large_pages(3 * mebibyte, &options, &pages), GRAPHITE_SUCCESS);
    EXPECT_LE(pages.kind, best);
    EXPECT_GE(pages.size, 3 * mebibyte);
    EXPECT_EQ(pages.size % pages.page_size, 0u);
    EXPECT_TRUE(is_multiple(pages.memory, pages.page_size));
    EXPECT_EQ(pages.kind == best, *pages.reason == '\0') << pages.reason;
    EXPECT_TRUE(is_usable(pages.memory, pages.size));
    std::size_t backed = SIZE_MAX;
    EXPECT_EQ(graphite_large_pages_backed(&pages, &backed), GRAPHITE_SUCCESS);
    EXPECT_LE(backed, pages.size);
    const void* const memory = pages.memory;
    graphite_unmap_large_pages(&pages);
    EXPECT_FALSE(is_mapped(memory));
    EXPECT_EQ(pages.memory, nullptr);
    EXPECT_EQ(pages.reason, nullptr);
    graphite_unmap_large_pages(&pages);
    EXPECT_EQ(graphite_large_pages_backed(&pages, &backed), GRAPHITE_ERROR_INVALID_ARGUMENT);
  }
  graphite_unmap_large_pages(nullptr);
}

TEST_F(c_large_pages, options_are_checked) {
  graphite_large_pages pages;
  const auto result_of = [&](auto change) {
    graphite_large_pages_options options;
    graphite_large_pages_options_init(&options);
    change(options);
    const auto result = graphite_map_large_pages(1, &options, &pages);
    EXPECT_EQ(pages.memory == nullptr, result != GRAPHITE_SUCCESS);
    graphite_unmap_large_pages(&pages);
    return result;
  };
  EXPECT_EQ(result_of([](auto&) {}), GRAPHITE_SUCCESS);
  EXPECT_EQ(result_of([](auto& o) { o.size = 0; }), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(result_of([](auto& o) { o.page_size = 12'345; }), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(result_of([](auto& o) { o.best = static_cast<graphite_page_kind>(3); }),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(result_of([](auto& o) {
              o.best = GRAPHITE_PAGES_NORMAL;
              o.least = GRAPHITE_PAGES_TRANSPARENT;
            }),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_map_large_pages(0, nullptr, &pages), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_map_large_pages(1, nullptr, nullptr), GRAPHITE_ERROR_INVALID_ARGUMENT);
  graphite_large_pages_options_init(nullptr);
}

TEST_F(c_large_pages, of_a_pool_are_given_where_there_are_some_and_refused_where_they_are_all_that_will_do) {
  graphite_large_pages_options only;
  graphite_large_pages_options_init(&only);
  only.least = GRAPHITE_PAGES_HUGETLB;
  graphite_large_pages pages;
  {
    const test::reserved_huge_pages none(turn, 0);
    if (!none) GTEST_SKIP() << none.why_not();
    EXPECT_EQ(graphite_map_large_pages(1, &only, &pages), GRAPHITE_ERROR_UNSUPPORTED);
    EXPECT_NE(std::string(graphite_last_error()).find("vm.nr_hugepages is 0"), std::string::npos);
  }
  const test::reserved_huge_pages pool(turn, 3);
  if (!pool) GTEST_SKIP() << pool.why_not();
  ASSERT_EQ(graphite_map_large_pages(1, &only, &pages), GRAPHITE_SUCCESS) << graphite_last_error();
  EXPECT_EQ(pages.kind, GRAPHITE_PAGES_HUGETLB);
  std::size_t backed = 0;
  EXPECT_EQ(graphite_large_pages_backed(&pages, &backed), GRAPHITE_SUCCESS);
  EXPECT_EQ(backed, pages.size);
  void* memory = nullptr;
  ASSERT_EQ(graphite_alloc_large_pages(&memory, 2 * mebibyte + 1), GRAPHITE_SUCCESS);
  EXPECT_EQ(pool.free(), 0u);
  EXPECT_TRUE(is_usable(memory, 2 * mebibyte + 1));
  EXPECT_EQ(graphite_free_large_pages(memory, 2 * mebibyte + 1), GRAPHITE_SUCCESS);
  graphite_unmap_large_pages(&pages);
  EXPECT_EQ(pool.free(), 3u);
}

TEST_F(cpp_memory, owners_free_move_and_throw) {
  {
    const aligned_bytes line = make_aligned(100, 128);
    EXPECT_TRUE(is_multiple(line.get(), 128));
    EXPECT_THROW(make_aligned(1, 3), failure);
  }
  const void* place = nullptr;
  {
    mapped_pages first(mebibyte);
    place = first.data();
    mapped_pages second(std::move(first));
    EXPECT_EQ(first.data(), nullptr);
    mapped_pages third;
    third = std::move(second);
    EXPECT_EQ(third.data(), place);
    EXPECT_GE(third.size(), mebibyte);
    EXPECT_LE(third.backed(), third.size());
    EXPECT_EQ(third.get().memory, place);
    std::thread([moved = std::move(third)] { EXPECT_NE(moved.data(), nullptr); }).join();
  }
  EXPECT_FALSE(is_mapped(place));
  EXPECT_THROW(mapped_pages(0), failure);
  EXPECT_THROW(mapped_pages().backed(), failure);
}

}  // namespace
}  // namespace graphite
