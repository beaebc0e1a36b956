#include "runtime/pins.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "platform/linux/heavy_fence.hpp"

namespace graphite {
namespace {

/// A payload whose every word says which one it is, until it is freed.
class marked {
 public:
  marked(std::uint64_t number, std::atomic<std::int64_t>& alive) : alive_(alive) {
    words_.fill(number);
    alive_.fetch_add(1);
  }
  ~marked() {
    words_.fill(0);
    alive_.fetch_sub(1);
  }
  bool is(std::uint64_t number) const {
    return std::all_of(words_.begin(), words_.end(), [number](auto word) { return word == number; });
  }

 private:
  std::array<std::uint64_t, 32> words_;
  std::atomic<std::int64_t>& alive_;
};

bool whole(const pinned_value& value) { return static_cast<const marked*>(value.payload)->is(value.version); }

/// With the kernel's fence and with readers that fence themselves.
class pins : public testing::TestWithParam<bool> {
 protected:
  void publish() { point_.replace(std::make_shared<const marked>(point_.version() + 1, alive_), at_); }

  std::atomic<std::int64_t> alive_{0};
  time_point at_ = time_from_ns(1'000'000'000);
  pin_point point_{GetParam() ? make_heavy_fence() : std::function<void()>()};
};

INSTANTIATE_TEST_SUITE_P(both, pins, testing::Bool(),
                         [](const auto& info) { return info.param ? "kernel_fence" : "self_fencing"; });

TEST_P(pins, nothing_is_current_before_the_first) {
  auto& slot = point_.add_reader(1);
  EXPECT_EQ(point_.acquire(slot), nullptr);
  pin_point::release(slot);
  EXPECT_EQ(point_.version(), 0u);
  EXPECT_EQ(point_.collect(), 0u);
}

TEST_P(pins, a_value_stays_while_a_slot_names_it_and_goes_then) {
  auto& slot = point_.add_reader(1);
  publish();
  const auto* first = point_.acquire(slot);
  publish();
  publish();
  EXPECT_EQ(alive_, 2) << "the second one, that nobody named, is freed though the first is held";
  EXPECT_TRUE(whole(*first));
  pin_point::release(slot);
  EXPECT_EQ(point_.collect(), 0u);
  EXPECT_EQ(alive_, 1);
  EXPECT_EQ(point_.acquire(slot)->version, 3u);
  pin_point::release(slot);
}

TEST_P(pins, a_nested_pin_sees_what_the_outer_one_does) {
  auto& slot = point_.add_reader(1);
  publish();
  const auto* outer = point_.acquire(slot);
  publish();
  EXPECT_EQ(point_.acquire(slot), outer);
  pin_point::release(slot);
  EXPECT_EQ(point_.collect(), 1u) << "the outer pin is still there";
  EXPECT_TRUE(whole(*outer));
  pin_point::release(slot);
  EXPECT_EQ(point_.collect(), 0u);
}

TEST_P(pins, a_hold_outlives_the_pin) {
  auto& slot = point_.add_reader(1);
  publish();
  auto* value = point_.acquire(slot);
  value->hold();
  pin_point::release(slot);
  for (int i = 0; i < 5; ++i) publish();
  EXPECT_EQ(alive_, 2);
  EXPECT_TRUE(whole(*value));
  value->let_go();
  EXPECT_EQ(point_.collect(), 0u);
  EXPECT_EQ(alive_, 1);
}

TEST_P(pins, a_reader_that_is_entering_keeps_all) {
  auto& slot = point_.add_reader(1);
  publish();
  slot.pinned.store(reader_slot::entering);  // preempted in the middle
  publish();
  publish();
  EXPECT_EQ(alive_, 3);
  slot.pinned.store(reader_slot::none);
  EXPECT_EQ(point_.collect(), 0u);
}

TEST_P(pins, says_who_holds_what_for_how_long) {
  auto& slow = point_.add_reader(77);
  publish();
  auto* value = point_.acquire(slow);
  value->hold();
  publish();
  const auto held = point_.held(at_ + seconds(9));
  ASSERT_EQ(held.size(), 2u);
  EXPECT_EQ(held[0].version, 1u);
  EXPECT_EQ(held[0].thread, 77u);
  EXPECT_EQ(held[0].since_replaced, seconds(9));
  EXPECT_EQ(held[1].thread, 0u) << "the hold";
  value->let_go();
  pin_point::release(slow);
  point_.collect();
  EXPECT_TRUE(point_.held(at_).empty());
}

TEST_P(pins, a_reader_that_holds_a_pin_for_a_minute_while_100_values_pass_keeps_its_own_only) {
  auto& slow = point_.add_reader(77);
  auto& quick = point_.add_reader(78);
  publish();
  const auto* held_value = point_.acquire(slow);
  const auto replaced_at = at_;
  for (int i = 1; i <= 100; ++i) {
    EXPECT_EQ(point_.acquire(quick)->version, static_cast<std::uint64_t>(i));
    publish();
    EXPECT_EQ(alive_, i == 1 ? 2 : 3) << "what is current, what is held, and what the other reader is in";
    pin_point::release(quick);
    at_ += milliseconds(600);
    EXPECT_EQ(point_.collect(), 1u) << i;
    EXPECT_EQ(alive_, 2) << i;
    EXPECT_TRUE(whole(*held_value)) << i;
    const auto held = point_.held(at_);
    ASSERT_EQ(held.size(), 1u) << i;
    EXPECT_EQ(held[0].version, 1u);
    EXPECT_EQ(held[0].thread, 77u);
    EXPECT_EQ(held[0].since_replaced, at_ - replaced_at);
  }
  EXPECT_EQ(point_.held(at_).at(0).since_replaced, seconds(60));
  pin_point::release(slow);
  EXPECT_EQ(point_.collect(), 0u);
  EXPECT_EQ(alive_, 1);
  EXPECT_TRUE(point_.held(at_).empty());
}

TEST_P(pins, a_thread_that_ends_with_a_pin_frees_it_and_its_slot) {
  auto& slot = point_.add_reader(1);
  publish();
  point_.acquire(slot);
  publish();
  EXPECT_TRUE(point_.remove_reader(slot));
  EXPECT_EQ(point_.collect(), 0u);
  EXPECT_EQ(&point_.add_reader(2), &slot);
  EXPECT_FALSE(point_.remove_reader(slot));
}

TEST_P(pins, ten_thousand_readers_have_slots_of_their_own) {
  publish();
  std::vector<reader_slot*> slots;
  for (std::uint32_t i = 1; i <= 10'000; ++i) slots.push_back(&point_.add_reader(i));
  std::sort(slots.begin(), slots.end());
  EXPECT_EQ(std::adjacent_find(slots.begin(), slots.end()), slots.end());
  for (auto* slot : slots) point_.acquire(*slot);
  publish();
  EXPECT_EQ(alive_, 2);
  EXPECT_EQ(point_.held(at_).size(), 10'000u);
  for (auto* slot : slots) pin_point::release(*slot);
  EXPECT_EQ(point_.collect(), 0u);
}

TEST_P(pins, a_child_of_fork_forgets_the_other_threads) {
  auto& mine = point_.add_reader(1);
  auto& other = point_.add_reader(2);
  publish();
  point_.acquire(mine);
  publish();
  point_.acquire(other);
  publish();
  point_.before_fork();
  point_.after_fork_in_child(&mine);  // as the child sees it
  EXPECT_EQ(point_.collect(), 1u) << "what this thread pins";
  pin_point::release(mine);
  EXPECT_EQ(point_.collect(), 0u);
}

// What goes wrong without it is a matter of nanoseconds that no stress brings about for certain (see the
// proof).
TEST(pin_point, runs_the_fence_before_it_looks_at_the_slots) {
  std::uintptr_t seen_by_fence = 0;
  reader_slot* slot = nullptr;
  int fences = 0;
  std::atomic<std::int64_t> alive{0};
  pin_point point([&] {
    ++fences;
    slot->pinned.store(seen_by_fence);  // what the barrier makes visible
  });
  slot = &point.add_reader(1);
  point.replace(std::make_shared<const marked>(1, alive), {});
  EXPECT_EQ(fences, 0) << "nothing to free";
  seen_by_fence = reinterpret_cast<std::uintptr_t>(point.current().load());
  point.replace(std::make_shared<const marked>(2, alive), {});
  EXPECT_EQ(fences, 1);
  EXPECT_EQ(alive, 2) << "the slot that became visible by the fence counts";
  seen_by_fence = reader_slot::none;
  EXPECT_EQ(point.collect(), 0u);
  EXPECT_EQ(fences, 2);
}

TEST_P(pins, readers_at_full_speed_never_see_a_freed_value) {
  constexpr int readers = 4, swaps = 10'000;
  publish();
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> reads{0}, torn{0}, backwards{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < readers; ++i)
    threads.emplace_back([&, i] {
      auto& slot = point_.add_reader(static_cast<std::uint32_t>(i + 1));
      std::uint64_t before = 0, mine = 0;
      while (!done.load(std::memory_order_relaxed)) {
        const auto* value = point_.acquire(slot);
        if (!whole(*value)) torn.fetch_add(1);
        if (value->version < before) backwards.fetch_add(1);
        before = value->version;
        pin_point::release(slot);
        ++mine;
      }
      reads.fetch_add(mine);
      point_.remove_reader(slot);
    });
  for (int i = 0; i < swaps; ++i) {
    publish();
    if (i % 64 == 0) std::this_thread::yield();
  }
  done.store(true);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(torn, 0u);
  EXPECT_EQ(backwards, 0u);
  EXPECT_GT(reads, 0u);
  EXPECT_EQ(point_.collect(), 0u);
  EXPECT_EQ(alive_, 1);
}

}  // namespace
}  // namespace graphite
