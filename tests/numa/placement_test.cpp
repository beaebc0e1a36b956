#include "platform/numa/placement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cstring>

#include "platform/numa/placed_memory.hpp"
#include "tests/numa/child.hpp"
#include "tests/numa/denied_calls.hpp"
#include "tests/numa/usable_node.hpp"
#include "tests/support/fake_placement.hpp"

namespace graphite {
namespace {

using kind = placement_policy::kind;
using test::page_bytes;
using test::usable_node;
using testing::ElementsAre;
using testing::HasSubstr;

std::string said(const result<void>& got) { return got ? "ok" : std::string(to_string(got.error().code)); }

template <class T>
std::string said(const result<T>& got) {
  return said(got ? result<void>() : result<void>(tl::unexpected(got.error())));
}

/// What a process does with placed memory, and how it came out: the sum of what it wrote, then each answer.
std::string use_placed_memory() {
  numa_placement placement;
  const unsigned node = usable_node();
  const auto memory = placed_memory::make(64 * page_bytes, {kind::prefer, {node}}, placement);
  if (!memory) return memory.error().context;
  unsigned long sum = 0;
  for (std::size_t i = 0; i < memory->bytes().size(); ++i) memory->bytes()[i] = static_cast<std::byte>(i * 7);
  for (const auto byte : memory->bytes()) sum += static_cast<unsigned long>(byte);
  return std::to_string(sum) + " bind " + said(placement.apply(memory->bytes(), {kind::bind, {0}})) +
         ", local " + said(placement.apply(memory->bytes(), {})) + ", move " +
         said(placement.move(memory->bytes(), node)) + ", where " + said(placement.where(memory->bytes())) +
         ", reason: " + placement.reason();
}

std::string when_denied(const std::vector<int>& calls, int failure) {
  return test::in_child([&]() -> std::string {
    if (!test::deny_calls(calls, failure)) return "no filter";
    return use_placed_memory();
  });
}

const std::vector<int> all_calls{SYS_mbind, SYS_move_pages, SYS_get_mempolicy, SYS_set_mempolicy};

TEST(numa_placement, goes_on_without_where_a_filter_refuses_all_calls) {
  const auto allowed = test::in_child(use_placed_memory);
  if (allowed.find("reason: memory") != std::string::npos)
    GTEST_SKIP() << "refused from outside: " << allowed;
  const auto sum = allowed.substr(0, allowed.find(' '));
  EXPECT_EQ(allowed, sum + " bind ok, local ok, move ok, where ok, reason: ");
  for (const int failure : {EPERM, ENOSYS}) {
    const auto denied = when_denied(all_calls, failure);
    if (denied == "no filter") GTEST_SKIP() << "no filter can be installed here";
    EXPECT_THAT(denied,
                testing::StartsWith(sum + " bind unsupported, local ok, move unsupported, where "
                                          "unsupported, reason: memory lies where it is first touched: "));
    EXPECT_THAT(denied, HasSubstr(failure == EPERM ? "mbind is refused here" : "this kernel has no mbind"));
  }
}

TEST(numa_placement, one_refused_call_does_not_take_the_others_along) {
  const auto unbound = when_denied({SYS_mbind}, EPERM);
  if (unbound == "no filter") GTEST_SKIP() << "no filter can be installed here";
  EXPECT_THAT(unbound, HasSubstr("bind unsupported, local ok, move ok, where ok, reason: memory lies"));
  EXPECT_THAT(
      when_denied({SYS_move_pages}, EPERM),
      HasSubstr("bind ok, local ok, move unsupported, where unsupported, reason: memory is placed but not "
                "moved: move_pages"));
  // Without it the kernel's own checks are the only ones.
  EXPECT_THAT(when_denied({SYS_get_mempolicy}, EPERM),
              HasSubstr("bind ok, local ok, move ok, where ok, reason: "));
  EXPECT_EQ(test::in_child([]() -> std::string {
              test::deny_calls({SYS_get_mempolicy}, EPERM);
              numa_placement placement;
              const auto memory = *anonymous_pages::make(page_bytes);
              return said(placement.apply(memory.bytes(), {kind::bind, {900}})) + " " +
                     said(placement.move(memory.bytes(), 900));
            }),
            "invalid_argument invalid_argument");
}

TEST(numa_placement, a_filter_that_comes_later_changes_no_more) {
  const auto seen = test::in_child([]() -> std::string {
    numa_placement placement;
    const auto memory = *anonymous_pages::make(page_bytes);
    const unsigned node = usable_node();
    if (!placement.reason().empty() || !test::deny_calls(all_calls, EPERM)) return "no filter";
    memory.bytes()[0] = std::byte{1};
    return said(placement.apply(memory.bytes(), {kind::bind, {node}})) + " " +
           said(placement.move(memory.bytes(), node)) + " " + said(placement.where(memory.bytes()));
  });
  if (seen == "no filter") GTEST_SKIP() << "no filter can be installed here, or one is";
  EXPECT_EQ(seen, "unsupported unsupported unsupported");
}

TEST(numa_placement, a_range_that_is_not_mapped_is_the_callers_mistake) {
  numa_placement placement;
  if (!placement.reason().empty()) GTEST_SKIP() << placement.reason();
  const auto memory = *anonymous_pages::make(2 * page_bytes);
  ::munmap(memory.bytes().data() + page_bytes, page_bytes);
  EXPECT_EQ(placement.apply(memory.bytes(), {kind::bind, {usable_node()}}).error().code,
            errc::invalid_argument);
}

TEST(numa_placement, pages_that_were_only_read_lie_nowhere) {
  numa_placement placement;
  if (!placement.reason().empty()) GTEST_SKIP() << placement.reason();
  const auto memory = *anonymous_pages::make(2 * page_bytes);
  const volatile auto* const bytes = memory.bytes().data();
  EXPECT_TRUE(static_cast<std::byte>(bytes[0]) == std::byte{0});
  EXPECT_THAT(*placement.where(memory.bytes()), ElementsAre(std::nullopt, std::nullopt));
}

TEST(anonymous_pages, are_whole_zeroed_and_owned_once) {
  auto pages = *anonymous_pages::make(1);
  EXPECT_EQ(pages.bytes().size() % page_bytes, 0u);
  EXPECT_EQ(pages.bytes()[0], std::byte{0});
  const auto* const first = pages.bytes().data();
  auto moved = std::move(pages);
  EXPECT_TRUE(pages.bytes().empty());
  EXPECT_EQ(moved.bytes().data(), first);
  moved = *anonymous_pages::make(3 * page_bytes);
  EXPECT_EQ(moved.bytes().size(), 3 * page_bytes);
  EXPECT_EQ(anonymous_pages::make(0).error().code, errc::invalid_argument);
  EXPECT_EQ(anonymous_pages::make(~std::size_t{0}).error().code, errc::too_large);
  EXPECT_EQ(anonymous_pages::make(~std::size_t{0} / 2).error().code, errc::out_of_space);
}

TEST(placed_memory, has_its_policy_before_it_is_touched) {
  test::fake_placement fake;
  const auto memory = *placed_memory::make(4 * page_bytes, {kind::bind, {1}}, fake);
  EXPECT_TRUE(memory.refused().empty());
  EXPECT_EQ(memory.policy().how, kind::bind);
  ASSERT_TRUE(fake.touch(memory.bytes(), 0));
  EXPECT_THAT(*fake.where(memory.bytes()), testing::Each(std::optional(1u)));
}

TEST(placed_memory, tells_what_was_refused_and_is_memory_all_the_same) {
  test::fake_placement fake;
  fake.options().forbidden = {1};
  const auto memory = *placed_memory::make(page_bytes, {kind::prefer, {1}}, fake);
  EXPECT_THAT(memory.refused(), HasSubstr("cpuset"));
  EXPECT_EQ(memory.policy().how, kind::local);
  memory.bytes()[0] = std::byte{1};
  EXPECT_EQ(placed_memory::make(page_bytes, {kind::prefer, {7}}, fake).error().code, errc::invalid_argument);
}

TEST(fake_placement, places_by_policy) {
  test::fake_placement fake;
  const auto memory = *anonymous_pages::make(8 * page_bytes);
  const auto pages = memory.bytes();
  ASSERT_TRUE(fake.apply(pages.first(4 * page_bytes), {kind::interleave, {0, 1}}));
  ASSERT_TRUE(fake.touch(pages, 1));
  const auto places = *fake.where(pages);
  EXPECT_EQ(std::count(places.begin(), places.begin() + 4, std::optional(0u)), 2);
  EXPECT_EQ(std::count(places.begin() + 4, places.end(), std::optional(1u)), 4);
  EXPECT_EQ(*fake.move(pages, 0), 8u);
}

TEST(fake_placement, a_preferred_node_that_is_full_gives_way_and_a_bound_one_does_not) {
  test::fake_placement fake;
  fake.options().free_pages_max[0] = 2;
  const auto memory = *anonymous_pages::make(8 * page_bytes);
  ASSERT_TRUE(fake.apply(memory.bytes(), {kind::prefer, {0}}));
  ASSERT_TRUE(fake.touch(memory.bytes().first(4 * page_bytes)));
  EXPECT_THAT(*fake.where(memory.bytes().first(4 * page_bytes)),
              ElementsAre(std::optional(0u), std::optional(0u), std::optional(1u), std::optional(1u)));
  ASSERT_TRUE(fake.apply(memory.bytes(), {kind::bind, {0}}));
  EXPECT_FALSE(fake.touch(memory.bytes()));
}

}  // namespace
}  // namespace graphite
