#include "relay/store_ledger.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "platform/crypto/sha256.hpp"

namespace graphite {
namespace {

content_ref sized(int n, std::uint64_t size) {
  const openssl_hasher hash;
  return {hash.sha256(as_bytes(std::to_string(n))), size};
}

class store_ledger_test : public testing::Test {
 protected:
  static constexpr std::int64_t minute = 60'000;
  static store_ledger::options room_for(std::uint64_t bytes) {
    store_ledger::options out;
    out.bytes_max = bytes;
    out.place_bytes = 0;
    return out;
  }
  static std::vector<content_ref> refs(const std::vector<content_ref>& of, std::initializer_list<int> which) {
    std::vector<content_ref> out;
    for (const auto i : which) out.push_back(of[static_cast<std::size_t>(i)]);
    return out;
  }
  /// `count` contents of 100 bytes, used a minute after one another.
  std::vector<content_ref> fill(store_ledger& ledger, int count) {
    std::vector<content_ref> out;
    for (int i = 0; i < count; ++i) {
      out.push_back(sized(i, 100));
      ledger.add(out.back(), now_ += minute);
    }
    return out;
  }
  std::int64_t now_ = 1'000'000 * minute;
};

TEST_F(store_ledger_test, nothing_goes_while_there_is_room) {
  store_ledger ledger(room_for(1000), now_);
  fill(ledger, 9);
  now_ += 60 * minute;
  EXPECT_FALSE(ledger.wants_collection());
  EXPECT_EQ(ledger.bytes(), 900U);
}

TEST_F(store_ledger_test, the_least_recently_used_is_proposed_first_and_no_more_than_has_to_go) {
  store_ledger ledger(room_for(1000), now_);
  const auto all = fill(ledger, 10);
  ledger.used(all[0].id, now_ += minute);
  now_ += 20 * minute;
  EXPECT_TRUE(ledger.wants_collection());
  EXPECT_EQ(ledger.propose(now_), refs(all, {1, 2})) << "800 of 1000 bytes stay";
}

TEST_F(store_ledger_test, collection_begins_above_one_mark_and_ends_at_a_lower_one) {
  store_ledger ledger(room_for(1000), now_);
  const auto all = fill(ledger, 9);
  EXPECT_FALSE(ledger.wants_collection());
  EXPECT_TRUE(ledger.wants_collection(true)) << "had it begun, it would go on";
  ledger.remove(all[0].id);
  EXPECT_FALSE(ledger.wants_collection(true));
}

TEST_F(store_ledger_test, what_was_used_lately_is_neither_proposed_nor_dropped) {
  store_ledger ledger(room_for(1000), now_);
  const auto all = fill(ledger, 10);
  now_ += 3 * minute;
  EXPECT_EQ(ledger.propose(now_), refs(all, {0, 1})) << "used 12 and 11 minutes ago";
  EXPECT_TRUE(ledger.may_go(all[0].id, milliseconds(0), now_));
  EXPECT_FALSE(ledger.may_go(all[0].id, milliseconds(2 * minute), now_)) << "the answer is older than that";
  EXPECT_FALSE(ledger.may_go(all[5].id, milliseconds(0), now_));
  ledger.used(all[0].id, now_);
  EXPECT_FALSE(ledger.may_go(all[0].id, milliseconds(0), now_)) << "used since it was proposed";
  EXPECT_FALSE(ledger.may_go(sized(77, 1).id, milliseconds(0), now_)) << "not here";
}

/// A use within the step of the last one is not noted: it counts all the same.
TEST_F(store_ledger_test, a_use_that_was_not_noted_protects_as_long_as_one_that_was) {
  store_ledger ledger(room_for(1000), now_);
  const auto one = sized(1, 1000);
  ledger.add(one, now_);
  ledger.used(one.id, now_ + minute - 1);
  EXPECT_FALSE(ledger.may_go(one.id, milliseconds(0), now_ + 11 * minute - 1));
  EXPECT_TRUE(ledger.may_go(one.id, milliseconds(0), now_ + 11 * minute));
}

TEST_F(store_ledger_test, uses_of_an_earlier_process_order_contents_but_make_none_go_at_once) {
  const auto old = sized(1, 500), older = sized(2, 500);
  store_ledger ledger(room_for(1000), now_);
  ledger.add(old, now_ - 100 * minute);
  ledger.add(older, now_ - 200 * minute);
  EXPECT_TRUE(ledger.propose(now_ + 9 * minute).empty()) << "they may have been used since, unwritten";
  EXPECT_EQ(ledger.propose(now_ + 10 * minute), std::vector{older});
  ledger.add(older, now_ - 300 * minute);
  ledger.add(old, now_);
  EXPECT_EQ(ledger.bytes(), 1000U) << "each counts once";
}

TEST_F(store_ledger_test, takes_no_more_than_there_is_room_for) {
  store_ledger ledger(room_for(1000), now_);
  EXPECT_TRUE(ledger.admit(1000));
  fill(ledger, 9);
  EXPECT_TRUE(ledger.admit(100));
  const auto no = ledger.admit(101);
  ASSERT_FALSE(no);
  EXPECT_EQ(no.error().code, errc::out_of_space);
  EXPECT_FALSE(ledger.admit(~std::uint64_t{0} - 10));
  ledger.remove(sized(3, 100).id);
  EXPECT_TRUE(ledger.admit(101));
}

TEST_F(store_ledger_test, contents_are_walked_in_their_order_while_they_come_and_go) {
  store_ledger ledger(room_for(100'000), now_);
  auto all = fill(ledger, 50);
  std::ranges::sort(all);
  std::optional<digest> last;
  std::vector<content_ref> seen;
  for (auto some = ledger.after(last, 7); !some.empty(); some = ledger.after(last, 7)) {
    last = some.back().id;
    seen.insert(seen.end(), some.begin(), some.end());
    ledger.remove(some.front().id);
  }
  EXPECT_EQ(seen, all);
}

TEST_F(store_ledger_test, each_use_is_told_once_for_a_later_process) {
  store_ledger ledger(room_for(1000), now_);
  const auto all = fill(ledger, 2);
  EXPECT_EQ(ledger.take_used().size(), 2U);
  EXPECT_TRUE(ledger.take_used().empty());
  ledger.used(all[1].id, now_ + 1000);
  EXPECT_TRUE(ledger.take_used().empty()) << "within the step";
  ledger.used(all[1].id, now_ + 2 * minute);
  EXPECT_EQ(ledger.take_used(),
            (std::vector<std::pair<digest, std::int64_t>>{{all[1].id, now_ + 2 * minute}}));
  ledger.used(all[0].id, now_ + 5 * minute);
  ledger.remove(all[0].id);
  EXPECT_TRUE(ledger.take_used().empty());
}

TEST_F(store_ledger_test, a_clock_that_goes_back_makes_contents_look_used_now) {
  store_ledger ledger(room_for(1000), now_);
  const auto one = sized(1, 1000);
  ledger.add(one, now_ + 1000 * minute);
  ledger.used(one.id, now_);
  EXPECT_FALSE(ledger.may_go(one.id, milliseconds(0), now_ + 10 * minute));
  EXPECT_TRUE(ledger.may_go(one.id, milliseconds(0), now_ + 11 * minute));
}

}  // namespace
}  // namespace graphite
