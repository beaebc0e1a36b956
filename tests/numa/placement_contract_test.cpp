#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>

#include "platform/numa/placed_memory.hpp"
#include "platform/numa/placement.hpp"
#include "tests/numa/usable_node.hpp"
#include "tests/support/fake_placement.hpp"

/// \file What every memory_placement keeps to.

namespace graphite {
namespace {

using kind = placement_policy::kind;
using test::page_bytes;

/// An adapter, and how its pages are touched: for real, or as the fake is told.
struct placement_rig {
  std::unique_ptr<memory_placement> port;
  std::function<bool(std::span<std::byte>)> touch;
  unsigned node = 0;  // whose memory may be used
};

bool touch_for_real(std::span<std::byte> pages) {
  std::memset(pages.data(), 1, pages.size());
  return true;
}

placement_rig with_kernel() {
  return {std::make_unique<numa_placement>(), touch_for_real, test::usable_node()};
}

placement_rig with_fake(std::function<void(test::fake_placement::knobs&)> set) {
  auto fake = std::make_unique<test::fake_placement>();
  set(fake->options());
  auto* const raw = fake.get();
  return {std::move(fake), [raw](std::span<std::byte> pages) { return raw->touch(pages); }};
}

struct placement_case {
  std::string name;
  std::function<placement_rig()> make;
};

class placement_contract : public testing::TestWithParam<placement_case> {
 protected:
  bool works() const { return rig_.port->reason().empty(); }

  /// All is as told by reason(): either it went well, or it is unsupported.
  template <class T>
  bool as_reason_says(const result<T>& got) const {
    return works() ? got.has_value()
                   : !got && got.error().code == errc::unsupported && !got.error().context.empty();
  }

  placement_rig rig_ = GetParam().make();
  unsigned node_ = rig_.node;
  anonymous_pages memory_ = test::small_pages(16);
  std::span<std::byte> pages_ = memory_.bytes();
};

TEST_P(placement_contract, works_or_says_why_not) {
  EXPECT_TRUE(as_reason_says(rig_.port->apply(pages_, {kind::prefer, {node_}})));
  EXPECT_TRUE(as_reason_says(rig_.port->apply(pages_, {kind::bind, {node_}})));
  EXPECT_TRUE(as_reason_says(rig_.port->apply(pages_, {kind::interleave, {node_}})));
  EXPECT_TRUE(as_reason_says(rig_.port->move(pages_, node_)));
  EXPECT_TRUE(as_reason_says(rig_.port->where(pages_)));
}

TEST_P(placement_contract, memory_is_usable_whatever_is_refused) {
  for (const auto how : {kind::prefer, kind::bind, kind::interleave})
    for (const unsigned node : {0u, 1u, 63u}) (void)rig_.port->apply(pages_, {how, {node}});
  (void)rig_.port->apply(pages_, {kind::prefer, {node_}});
  (void)rig_.port->move(pages_, node_);
  EXPECT_TRUE(rig_.touch(pages_));
  std::memset(pages_.data(), 7, pages_.size());
  EXPECT_EQ(pages_[pages_.size() - 1], std::byte{7});
}

TEST_P(placement_contract, local_is_always_granted) {
  EXPECT_TRUE(rig_.port->apply(pages_, {}));
  (void)rig_.port->apply(pages_, {kind::bind, {node_}});
  EXPECT_TRUE(rig_.port->apply(pages_, {}));
}

TEST_P(placement_contract, no_pages_are_no_work) {
  EXPECT_TRUE(as_reason_says(rig_.port->apply({}, {kind::bind, {node_}})));
  const auto moved = rig_.port->move({}, node_);
  EXPECT_TRUE(as_reason_says(moved));
  EXPECT_EQ(moved.value_or(0), 0u);
  EXPECT_TRUE(rig_.port->apply({}, {}));
}

TEST_P(placement_contract, refuses_ranges_that_are_not_whole_pages) {
  for (const auto& range :
       {pages_.subspan(1, page_bytes), pages_.subspan(0, page_bytes + 1), pages_.subspan(8, 8)}) {
    EXPECT_EQ(rig_.port->apply(range, {kind::bind, {node_}}).error().code, errc::invalid_argument);
    EXPECT_EQ(rig_.port->apply(range, {}).error().code, errc::invalid_argument);
    EXPECT_EQ(rig_.port->move(range, node_).error().code, errc::invalid_argument);
    EXPECT_EQ(rig_.port->where(range).error().code, errc::invalid_argument);
  }
}

TEST_P(placement_contract, refuses_policies_with_the_wrong_number_of_nodes) {
  for (const auto& policy : std::vector<placement_policy>{{kind::local, {0}},
                                                          {kind::prefer, {}},
                                                          {kind::prefer, {0, 1}},
                                                          {kind::bind, {}},
                                                          {kind::interleave, {}}})
    EXPECT_EQ(rig_.port->apply(pages_, policy).error().code, errc::invalid_argument);
}

TEST_P(placement_contract, refuses_nodes_that_do_not_exist) {
  for (const unsigned node : {900u, 1023u, 1024u, 5000u, ~0u}) {
    for (const auto how : {kind::prefer, kind::bind, kind::interleave}) {
      const auto applied = rig_.port->apply(pages_, {how, {node}});
      ASSERT_FALSE(applied) << node;
      EXPECT_TRUE(!works() || applied.error().code == errc::invalid_argument) << node;
    }
    const auto moved = rig_.port->move(pages_, node);
    ASSERT_FALSE(moved) << node;
    EXPECT_TRUE(!works() || moved.error().code == errc::invalid_argument) << node;
  }
  // One that exists does not make up for it.
  EXPECT_FALSE(rig_.port->apply(pages_, {kind::bind, {node_, 900}}));
}

TEST_P(placement_contract, pages_that_nobody_touched_lie_nowhere) {
  const auto places = rig_.port->where(pages_);
  if (!works()) {
    EXPECT_TRUE(as_reason_says(places));
    return;
  }
  ASSERT_EQ(places->size(), 16u);
  for (const auto& place : *places) EXPECT_EQ(place, std::nullopt);
  EXPECT_EQ(*rig_.port->move(pages_, node_), 0u);
}

TEST_P(placement_contract, touched_pages_lie_where_they_were_bound) {
  if (!works()) {
    EXPECT_TRUE(as_reason_says(rig_.port->apply(pages_, {kind::bind, {node_}})));
    return;
  }
  ASSERT_TRUE(rig_.port->apply(pages_, {kind::bind, {node_}}));
  ASSERT_TRUE(rig_.touch(pages_.first(5 * page_bytes)));
  const auto places = *rig_.port->where(pages_);
  for (std::size_t i = 0; i < places.size(); ++i)
    EXPECT_EQ(places[i], i < 5 ? std::optional(node_) : std::nullopt) << i;
  EXPECT_EQ(*rig_.port->move(pages_, node_), 5u);
}

TEST_P(placement_contract, a_policy_holds_for_its_range_alone) {
  if (!works()) {
    EXPECT_TRUE(as_reason_says(rig_.port->where(pages_)));
    return;
  }
  ASSERT_TRUE(rig_.port->apply(pages_.subspan(4 * page_bytes, 4 * page_bytes), {kind::bind, {node_}}));
  ASSERT_TRUE(rig_.port->apply(pages_.subspan(8 * page_bytes, 4 * page_bytes), {kind::interleave, {node_}}));
  ASSERT_TRUE(rig_.port->apply(pages_.subspan(6 * page_bytes, 4 * page_bytes), {}));
  ASSERT_TRUE(rig_.touch(pages_));
  const auto places = *rig_.port->where(pages_);
  for (const auto& place : places) EXPECT_TRUE(place.has_value());
}

TEST_P(placement_contract, ranges_may_have_more_pages_than_one_call_takes) {
  const auto many = test::small_pages(10'000);
  (void)rig_.port->apply(many.bytes(), {kind::prefer, {node_}});
  ASSERT_TRUE(rig_.touch(many.bytes().last(6'000 * page_bytes)));
  const auto places = rig_.port->where(many.bytes());
  if (!works()) {
    EXPECT_TRUE(as_reason_says(places));
    return;
  }
  ASSERT_EQ(places->size(), 10'000u);
  EXPECT_EQ(std::count(places->begin(), places->end(), std::nullopt), 4'000);
  EXPECT_EQ(places->front(), std::nullopt);
  EXPECT_NE(places->back(), std::nullopt);
  EXPECT_EQ(*rig_.port->move(many.bytes(), node_), 6'000u);
}

std::vector<placement_case> all_placements() {
  return {
      {"real", with_kernel},
      {"none",
       [] {
         return placement_rig{std::make_unique<no_placement>("this system has one memory"), touch_for_real};
       }},
      {"fake", [] { return with_fake([](auto&) {}); }},
      {"fake_refused", [] { return with_fake([](auto& knobs) { knobs.refused = "told to refuse"; }); }}};
}

INSTANTIATE_TEST_SUITE_P(placements, placement_contract, testing::ValuesIn(all_placements()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace graphite
