#include "core/store_repair.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "platform/crypto/sha256.hpp"

namespace graphite {
namespace {

content_ref numbered(int n) {
  const openssl_hasher hash;
  return {hash.sha256(as_bytes(std::to_string(n))), static_cast<std::uint64_t>(n)};
}

class store_repair_test : public testing::Test {
 protected:
  void stores(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      names_.push_back("store-" + std::to_string(i));
      repair_.came(names_.back(), now_);
    }
  }
  /// Where they belong.
  void contents(int count, std::size_t copies = 2) {
    for (int i = 0; i < count; ++i) {
      all_.push_back(numbered(i));
      for (const auto& name : store_choice(names_).first_names(all_.back().id, copies))
        holds(all_.back(), name);
    }
  }
  void holds(const content_ref& content, const std::string& name) {
    repair_.holds(content, name);
    at_[content.id].insert(name);
  }
  /// Makes all copies that are wanted; how many.
  std::size_t run() {
    std::size_t out = 0;
    for (auto copies = repair_.next(now_); !copies.empty(); copies = repair_.next(now_))
      for (const auto& copy : copies) {
        EXPECT_TRUE(at_[copy.content.id].contains(copy.from)) << "it is copied from where it is";
        EXPECT_TRUE(at_[copy.content.id].insert(copy.to).second) << "and to where it is not";
        repair_.ended(copy, true, now_);
        ++out;
      }
    return out;
  }

  store_repair::options options_;
  store_repair repair_{options_};
  std::vector<std::string> names_;
  std::vector<content_ref> all_;
  std::map<digest, std::set<std::string>> at_;
  time_point now_ = time_from_ns(1'000'000'000'000);
};

TEST_F(store_repair_test, copies_nothing_where_all_is_as_it_should_be) {
  stores(5);
  contents(200);
  EXPECT_EQ(run(), 0U);
  EXPECT_EQ(repair_.wanting(), 0U);
}

TEST_F(store_repair_test, a_store_that_only_starts_anew_causes_no_copying) {
  stores(5);
  contents(200);
  repair_.went("store-2", now_);
  now_ += seconds(29);
  EXPECT_EQ(run(), 0U);
  repair_.came("store-2", now_);
  now_ += seconds(60);
  EXPECT_EQ(run(), 0U);
}

TEST_F(store_repair_test, what_a_store_held_goes_to_the_next_in_the_order_once_it_is_away_for_long) {
  stores(5);
  contents(200);
  repair_.went("store-2", now_);
  now_ += seconds(30);
  std::size_t had = 0;
  for (const auto& content : all_) had += at_[content.id].contains("store-2") ? 1 : 0;
  EXPECT_EQ(run(), had);
  names_.erase(names_.begin() + 2);
  const store_choice left(names_);
  for (const auto& content : all_)
    for (const auto& name : left.first_names(content.id, 2))
      EXPECT_TRUE(at_[content.id].contains(name)) << "as if it had never been";
  EXPECT_EQ(repair_.wanting(), 0U);
  repair_.came("store-2", now_);
  EXPECT_EQ(run(), 0U) << "it has what it had";
}

TEST_F(store_repair_test, a_new_store_gets_its_share) {
  stores(4);
  contents(200);
  names_.push_back("store-9");
  repair_.came("store-9", now_);
  const auto copied = run();
  EXPECT_GT(copied, 50U);
  EXPECT_LT(copied, 120U);
  for (const auto& content : all_)
    for (const auto& name : store_choice(names_).first_names(content.id, 2))
      EXPECT_TRUE(at_[content.id].contains(name));
}

TEST_F(store_repair_test, the_rarest_go_first) {
  options_.copies = 3;
  options_.under_way_max = 10;
  options_.of_store_max = 100;
  repair_ = store_repair(options_);
  stores(3);
  contents(50, 2);
  const auto rare = numbered(1000);
  holds(rare, "store-1");
  const auto first = repair_.next(now_);
  ASSERT_EQ(first.size(), 10U);
  EXPECT_EQ(first[0].content, rare);
  EXPECT_EQ(first[1].content, rare);
  EXPECT_TRUE(std::is_sorted(first.begin() + 2, first.end(), [](const auto& a, const auto& b) {
    return a.content.id < b.content.id;
  })) << "and equals in the order of their names";
}

TEST_F(store_repair_test, few_are_under_way_in_all_and_at_each_store) {
  options_.copies = 3;
  options_.under_way_max = 10;
  options_.of_store_max = 4;
  repair_ = store_repair(options_);
  stores(6);
  contents(100, 1);
  const auto begun = repair_.next(now_);
  EXPECT_LE(begun.size(), 10U);
  EXPECT_GE(begun.size(), 8U);
  std::map<std::string, int> busy;
  for (const auto& copy : begun) {
    ++busy[copy.from];
    ++busy[copy.to];
  }
  for (const auto& [name, count] : busy) EXPECT_LE(count, 4) << name;
  EXPECT_TRUE(repair_.next(now_).empty() || begun.size() < 10U);
}

TEST_F(store_repair_test, a_copy_that_failed_is_tried_again_later) {
  stores(2);
  const auto one = numbered(1);
  holds(one, "store-0");
  const auto begun = repair_.next(now_);
  ASSERT_EQ(begun.size(), 1U);
  EXPECT_EQ(begun[0], (store_repair::copy{one, "store-0", "store-1"}));
  repair_.ended(begun[0], false, now_);
  EXPECT_TRUE(repair_.next(now_).empty());
  now_ += seconds(5);
  EXPECT_EQ(repair_.next(now_).size(), 1U);
}

TEST_F(store_repair_test, a_damaged_copy_is_made_again_from_another_one) {
  stores(3);
  contents(20);
  const auto one = all_[3];
  const auto bad = *at_[one.id].begin(), good = *std::next(at_[one.id].begin());
  repair_.lacks(one.id, bad);
  at_[one.id].erase(bad);
  const auto begun = repair_.next(now_);
  ASSERT_EQ(begun.size(), 1U);
  EXPECT_EQ(begun[0], (store_repair::copy{one, good, bad}));
}

TEST_F(store_repair_test, tells_what_no_store_that_is_alive_has) {
  stores(3);
  contents(30);
  repair_.went("store-0", now_);
  repair_.went("store-1", now_);
  now_ += seconds(60);
  (void)repair_.next(now_);
  std::size_t lost = 0;
  for (const auto& content : all_) lost += at_[content.id].contains("store-2") ? 0 : 1;
  EXPECT_EQ(repair_.lost().size(), lost);
  EXPECT_GT(lost, 0U);
  repair_.came("store-1", now_);
  EXPECT_TRUE(repair_.lost().empty());
}

TEST_F(store_repair_test, a_store_that_is_removed_is_waited_for_no_longer) {
  stores(3);
  contents(30);
  const auto begun = [&] {
    repair_.removed("store-0");
    return repair_.next(now_);
  }();
  EXPECT_FALSE(begun.empty());
  for (const auto& copy : begun) {
    EXPECT_NE(copy.from, "store-0");
    EXPECT_NE(copy.to, "store-0");
  }
}

TEST_F(store_repair_test, one_that_is_removed_amid_a_copy_leaves_room_for_others) {
  options_.under_way_max = 4;
  repair_ = store_repair(options_);
  stores(3);
  contents(30, 1);
  const auto begun = repair_.next(now_);
  ASSERT_EQ(begun.size(), 4U);
  repair_.removed(begun[0].to);
  for (const auto& copy : begun) repair_.ended(copy, false, now_);
  EXPECT_EQ(repair_.under_way(), 0U);
}

/// Stores come and go; in the end, with all that are left, everything has its copies.
TEST_F(store_repair_test, comes_to_an_end_whatever_happens) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    repair_ = store_repair(options_);
    names_.clear();
    all_.clear();
    at_.clear();
    stores(6);
    contents(60);
    std::vector<store_repair::copy> under_way;
    for (int i = 0; i < 400; ++i) {
      now_ += milliseconds(random() % 2000);
      const auto& name = names_[random() % names_.size()];
      const auto dice = random() % 20;
      if (dice == 0 && name != "store-0" && name != "store-1")
        repair_.went(name, now_);
      else if (dice < 3)
        repair_.came(name, now_);
      for (auto& copy : repair_.next(now_)) under_way.push_back(std::move(copy));
      if (under_way.empty()) continue;
      const auto at = random() % under_way.size();
      const bool done = random() % 4 != 0;
      if (done) at_[under_way[at].content.id].insert(under_way[at].to);
      repair_.ended(under_way[at], done, now_);
      under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(at));
    }
    for (const auto& copy : under_way) repair_.ended(copy, false, now_);
    for (const auto& name : names_) repair_.came(name, now_);
    now_ += seconds(60);
    (void)run();
    EXPECT_EQ(repair_.under_way(), 0U);
    for (const auto& content : all_)
      for (const auto& name : store_choice(names_).first_names(content.id, 2))
        EXPECT_TRUE(at_[content.id].contains(name));
  }
}

}  // namespace
}  // namespace graphite
