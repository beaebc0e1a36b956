#include "platform/linux/large_pages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstddef>
#include <thread>

#include "tests/support/huge_page_limit.hpp"
#include "tests/support/reserved_huge_pages.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using test::reserved_huge_pages;
using testing::HasSubstr;

struct large_pages_given : testing::Test {
  const test::huge_page_turn turn;
};

constexpr std::size_t mebibyte = std::size_t{1} << 20;

/// Without a pool, whatever the machine has of it.
large_page_options at_best(large_page_kind kind) {
  large_page_options out;
  out.best = kind;
  return out;
}

/// Zero at first, and keeps what is written to it: looked at on each page, and at the end.
void expect_usable(const large_pages& pages, std::size_t asked) {
  const auto bytes = pages.bytes();
  ASSERT_GE(bytes.size(), asked);
  EXPECT_EQ(bytes.size() % pages.page_bytes(), 0u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes.data()) % pages.page_bytes(), 0u);
  std::size_t wrong = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 4096) {
    wrong += bytes[at] != std::byte{0};
    bytes[at] = static_cast<std::byte>(at / 4096 | 1);
  }
  wrong += bytes.back() != std::byte{0};
  bytes.back() = std::byte{7};
  for (std::size_t at = 0; at < bytes.size(); at += 4096)
    wrong += bytes[at] != static_cast<std::byte>(at / 4096 | 1);
  EXPECT_EQ(wrong, 0u);
}

bool is_mapped(const void* page) {
  unsigned char resident = 0;
  return ::mincore(const_cast<void*>(page), 1, &resident) == 0;
}

/// Does `body` in a thread that may not map huge pages of a pool.
template <class Body>
void without_permission(Body body) {
  std::thread([&] {
    // In which half of a word of 64 bits the flag is.
    constexpr auto low_half = std::endian::native == std::endian::little ? 0u : 4u;
    const ::sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct ::seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct ::seccomp_data, args[3]) + low_half),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_HUGETLB, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const ::sock_fprog filter{std::size(program), const_cast<::sock_filter*>(program)};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
    body();
  }).join();
}

TEST_F(large_pages_given, are_zeroed_and_writable_at_any_size) {
  for (const auto size :
       {std::size_t{1}, std::size_t{4096}, 2 * mebibyte, 2 * mebibyte + 1, 5 * mebibyte - 3}) {
    for (const auto best :
         {large_page_kind::normal, large_page_kind::transparent, large_page_kind::hugetlb}) {
      const auto pages = large_pages::allocate(size, at_best(best));
      ASSERT_TRUE(pages) << pages.error().context;
      EXPECT_LE(pages->kind(), best);
      EXPECT_EQ(pages->kind() == best, pages->reason().empty()) << pages->reason();
      expect_usable(*pages, size);
    }
  }
}

TEST_F(large_pages_given, no_bytes_and_page_sizes_that_are_none_are_refused) {
  EXPECT_EQ(large_pages::allocate(0).error().code, errc::invalid_argument);
  for (const auto page : {std::size_t{1}, std::size_t{2048}, 3 * mebibyte}) {
    large_page_options options;
    options.page_bytes = page;
    EXPECT_EQ(large_pages::allocate(1, options).error().code, errc::invalid_argument) << page;
  }
}

TEST_F(large_pages_given, absurd_sizes_are_want_of_memory) {
  for (const auto size : {SIZE_MAX, SIZE_MAX - 4096, SIZE_MAX / 2, SIZE_MAX / 2 - 4 * mebibyte, SIZE_MAX / 4})
    EXPECT_THROW((void)large_pages::allocate(size), std::bad_alloc) << size;
}

TEST_F(large_pages_given, a_page_size_that_the_kernel_lacks_is_said_and_the_next_best_is_given) {
  large_page_options options;
  options.page_bytes = 8 * mebibyte;
  const auto pages = large_pages::allocate(1, options);
  ASSERT_TRUE(pages);
  EXPECT_NE(pages->kind(), large_page_kind::hugetlb);
  EXPECT_THAT(pages->reason(), HasSubstr("this kernel has no huge pages of 8 MiB"));
}

TEST_F(large_pages_given, go_with_their_owner_which_moves) {
  auto first = large_pages::allocate(mebibyte, at_best(large_page_kind::normal));
  ASSERT_TRUE(first);
  const auto* const begin = first->bytes().data();
  {
    large_pages second(std::move(*first));
    EXPECT_EQ(second.bytes().data(), begin);
    EXPECT_TRUE(first->bytes().empty());
    auto third = large_pages::allocate(mebibyte, at_best(large_page_kind::normal));
    const auto* const replaced = third->bytes().data();
    *third = std::move(second);
    EXPECT_EQ(third->bytes().data(), begin);
    EXPECT_FALSE(is_mapped(replaced));
    EXPECT_TRUE(is_mapped(begin));
  }
  EXPECT_FALSE(is_mapped(begin));
}

TEST_F(large_pages_given, leave_no_address_space_behind) {
  const auto mapped_kib = [] {
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);)
      if (line.starts_with("VmSize:")) return std::stoul(line.substr(7));
    return 0ul;
  };
  (void)large_pages::allocate(3 * mebibyte);
  const auto before = mapped_kib();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(large_pages::allocate(3 * mebibyte));
  EXPECT_LT(mapped_kib(), before + 100 * 1024);
}

TEST_F(large_pages_given, the_range_is_seen_before_it_is_touched_and_is_touched_where_asked) {
  auto options = at_best(large_page_kind::transparent);
  std::span<std::byte> seen;
  unsigned char resident_then = 1;
  options.touched = true;
  options.before_touch = [&](std::span<std::byte> bytes) {
    seen = bytes;
    ::mincore(bytes.data(), 1, &resident_then);
  };
  const auto pages = large_pages::allocate(2 * mebibyte, options);
  ASSERT_TRUE(pages);
  EXPECT_EQ(seen.data(), pages->bytes().data());
  EXPECT_EQ(seen.size(), pages->bytes().size());
  EXPECT_EQ(resident_then & 1, 0);
  std::vector<unsigned char> resident(pages->bytes().size() / 4096);
  ASSERT_EQ(::mincore(pages->bytes().data(), pages->bytes().size(), resident.data()), 0);
  EXPECT_TRUE(std::ranges::all_of(resident, [](unsigned char page) { return (page & 1) != 0; }));
}

TEST_F(large_pages_given, of_transparent_ones_it_is_known_how_many_came) {
  auto options = at_best(large_page_kind::transparent);
  const auto pages = large_pages::allocate(8 * mebibyte, options);
  ASSERT_TRUE(pages);
  if (pages->kind() != large_page_kind::transparent) GTEST_SKIP() << pages->reason();
  EXPECT_EQ(pages->huge_bytes(), 0u) << "nothing was touched";
  expect_usable(*pages, 8 * mebibyte);
  const auto came = pages->huge_bytes();
  ASSERT_TRUE(came);
  EXPECT_LE(*came, pages->bytes().size());
  EXPECT_EQ(*came % (2 * mebibyte), 0u);
  EXPECT_NE(*came, 0u) << "of gigabytes of free memory not one huge page";
}

TEST_F(large_pages_given, switched_off_ones_are_said_and_normal_ones_given) {
  const test::temporary_folder machine;
  machine.write("sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152\n");
  machine.write("sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
  large_page_options options;
  options.facts.root = machine.path();
  const auto pages = large_pages::allocate(mebibyte, options);
  ASSERT_TRUE(pages);
  EXPECT_EQ(pages->kind(), large_page_kind::normal);
  EXPECT_EQ(pages->reason(),
            "this kernel has no huge pages: /proc/meminfo has no Hugepagesize; transparent huge pages are "
            "switched off: /sys/kernel/mm/transparent_hugepage/enabled is never");
  expect_usable(*pages, mebibyte);
  options.least = large_page_kind::transparent;
  const auto refused = large_pages::allocate(mebibyte, options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unsupported);
  EXPECT_EQ(refused.error().context, pages->reason());
}

TEST_F(large_pages_given, a_process_that_switched_them_off_is_told_so) {
  if (read_memory_facts().transparent == transparent_mode::never) GTEST_SKIP() << "off for the whole machine";
  ASSERT_EQ(::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
  const auto pages = large_pages::allocate(mebibyte, at_best(large_page_kind::transparent));
  ::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
  ASSERT_TRUE(pages);
  EXPECT_EQ(pages->kind(), large_page_kind::normal);
  EXPECT_THAT(pages->reason(), HasSubstr("PR_SET_THP_DISABLE"));
}

TEST_F(large_pages_given, an_empty_pool_is_said) {
  const reserved_huge_pages none(turn, 0);
  if (!none) GTEST_SKIP() << none.why_not();
  const auto pages = large_pages::allocate(mebibyte);
  ASSERT_TRUE(pages);
  EXPECT_NE(pages->kind(), large_page_kind::hugetlb);
  EXPECT_THAT(pages->reason(), HasSubstr("no huge pages are reserved: vm.nr_hugepages is 0"));
  expect_usable(*pages, mebibyte);
  large_page_options only;
  only.least = large_page_kind::hugetlb;
  EXPECT_EQ(large_pages::allocate(mebibyte, only).error().code, errc::unsupported);
}

TEST_F(large_pages_given, of_the_pool_are_there_at_once_and_go_back) {
  const reserved_huge_pages pool(turn, 4);
  if (!pool) GTEST_SKIP() << pool.why_not();
  {
    large_page_options options;
    bool seen = false;
    options.before_touch = [&](std::span<std::byte> bytes) {
      seen = bytes.size() == 6 * mebibyte && pool.free() == 4;
    };
    const auto pages = large_pages::allocate(5 * mebibyte, options);
    ASSERT_TRUE(pages);
    EXPECT_EQ(pages->kind(), large_page_kind::hugetlb) << pages->reason();
    EXPECT_EQ(pages->reason(), "");
    EXPECT_EQ(pages->page_bytes(), 2 * mebibyte);
    EXPECT_EQ(pages->bytes().size(), 6 * mebibyte);
    EXPECT_TRUE(seen) << "before they were touched";
    EXPECT_EQ(pool.free(), 1u) << "touched";
    EXPECT_EQ(pages->huge_bytes(), 6 * mebibyte);
    expect_usable(*pages, 5 * mebibyte);
  }
  EXPECT_EQ(pool.free(), 4u);
}

TEST_F(large_pages_given, a_pool_that_is_too_small_is_left_alone_and_said) {
  const reserved_huge_pages pool(turn, 2);
  if (!pool) GTEST_SKIP() << pool.why_not();
  const auto first = large_pages::allocate(mebibyte);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->kind(), large_page_kind::hugetlb);
  const auto second = large_pages::allocate(4 * mebibyte);
  ASSERT_TRUE(second);
  EXPECT_NE(second->kind(), large_page_kind::hugetlb);
  EXPECT_THAT(second->reason(), HasSubstr("1 of 2 huge pages of 2 MiB are free, 2 are needed"));
  expect_usable(*second, 4 * mebibyte);
  EXPECT_EQ(pool.free(), 1u);
}

TEST_F(large_pages_given, a_pool_that_is_forbidden_is_said) {
  const reserved_huge_pages pool(turn, 2);
  if (!pool) GTEST_SKIP() << pool.why_not();
  without_permission([] {
    const auto pages = large_pages::allocate(mebibyte);
    ASSERT_TRUE(pages);
    EXPECT_NE(pages->kind(), large_page_kind::hugetlb);
    EXPECT_THAT(pages->reason(), HasSubstr("huge pages are refused: Operation not permitted"));
    expect_usable(*pages, mebibyte);
  });
  EXPECT_EQ(large_pages::allocate(mebibyte)->kind(), large_page_kind::hugetlb) << "other threads may";
}

/// How a child ends that is in the group and does `body`: an exit code, or 1000 and a signal.
template <class Body>
int ended_in(const test::huge_page_limit& group, Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(group.join() ? body() : 9);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST_F(large_pages_given, what_a_control_group_refuses_at_the_first_touch_is_no_signal) {
  const reserved_huge_pages pool(turn, 2);
  if (!pool) GTEST_SKIP() << pool.why_not();
  const test::huge_page_limit group;
  if (!group) GTEST_SKIP() << group.why_not();
  EXPECT_EQ(ended_in(group,
                     [] {
                       const auto pages = large_pages::allocate(mebibyte);
                       if (!pages || pages->kind() == large_page_kind::hugetlb) return 1;
                       std::ranges::fill(pages->bytes(), std::byte{1});
                       return pages->reason().find("refused when they were touched") == std::string::npos ? 2
                                                                                                          : 0;
                     }),
            0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_EQ(ended_in(group,
                     [] {
                       void* const plain = ::mmap(nullptr, 2 * mebibyte, PROT_READ | PROT_WRITE,
                                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
                       if (plain == MAP_FAILED) return 1;
                       *static_cast<volatile char*>(plain) = 1;
                       return 0;
                     }),
            1000 + SIGBUS)
      << "the kernel promises them all the same";
#endif
  EXPECT_EQ(pool.free(), 2u);
}

TEST_F(large_pages_given, of_a_gibibyte_are_given_where_there_are_some) {
  constexpr auto gibibyte = 1024 * mebibyte;
  large_page_options options;
  options.page_bytes = gibibyte;
  if (read_memory_facts().pool_of(gibibyte) == nullptr) GTEST_SKIP() << "this kernel has none";
  {
    const reserved_huge_pages none(turn, 0, gibibyte);
    if (!none) GTEST_SKIP() << none.why_not();
    EXPECT_THAT(large_pages::allocate(1, options)->reason(),
                HasSubstr("hugepages-1048576kB/nr_hugepages is 0"));
  }
  const reserved_huge_pages pool(turn, 1, gibibyte);
  if (!pool) GTEST_SKIP() << pool.why_not();
  const auto pages = large_pages::allocate(1, options);
  ASSERT_TRUE(pages);
  EXPECT_EQ(pages->kind(), large_page_kind::hugetlb) << pages->reason();
  EXPECT_EQ(pages->bytes().size(), gibibyte);
  expect_usable(*pages, 1);
}

}  // namespace
}  // namespace graphite
