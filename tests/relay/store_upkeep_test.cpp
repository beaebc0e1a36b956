#include "relay/store_upkeep.hpp"

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

/// Stores that look after what they have; a copy is sent at once.
class store_upkeep_test : public testing::Test {
 protected:
  struct site {
    store_ledger has{{}, 0};
    std::optional<store_upkeep> upkeep;
    bool here = false;
  };
  struct sent {
    digest content;
    std::string from, to;
  };

  void start(const std::string& name) {
    auto& at = sites_[name];
    at.here = true;
    at.upkeep.emplace(name, options_);
    tell();
  }
  void stop(const std::string& name) {
    sites_.at(name).here = false;
    sites_.at(name).upkeep.reset();
    tell();
  }
  std::vector<std::string> here() const {
    std::vector<std::string> out;
    for (const auto& [name, at] : sites_)
      if (at.here) out.push_back(name);
    return out;
  }
  void tell() {
    for (auto& [name, at] : sites_)
      if (at.upkeep) at.upkeep->place(here(), copies_, away_, now_);
  }
  /// Brings contents as a node does: to the first of those that are here.
  void bring(int count) {
    const store_choice choice(here());
    for (int i = 0; i < count; ++i) {
      all_.push_back(numbered(static_cast<int>(all_.size())));
      for (const auto& name : choice.first_names(all_.back().id, copies_))
        sites_.at(name).has.add(all_.back(), 0);
    }
  }
  /// All look after what they have, in turn, until nobody has anything to do. What was sent.
  std::vector<sent> run(duration most = std::chrono::hours(1)) {
    std::vector<sent> out;
    const store_choice choice(here());
    for (const auto until = now_ + most; now_ < until;) {
      bool waits = true, passes = false;
      for (auto& [name, at] : sites_) {
        if (!at.upkeep) continue;
        const auto batch = at.upkeep->next(at.has, now_);
        waits = waits && batch.waits;
        passes = passes || at.upkeep->in_pass();
        for (const auto& content : batch.contents) {
          EXPECT_TRUE(at.has.has(content.id));
          for (const auto& to : choice.first_names(content.id, copies_)) {
            ++asked_;
            if (sites_.at(to).has.has(content.id)) continue;
            if (fails_) {
              at.upkeep->failed();
              continue;
            }
            sites_.at(to).has.add(content, 0);
            out.push_back({content.id, name, to});
          }
        }
      }
      if (waits && !passes) break;
      if (waits) now_ += seconds(1);
    }
    return out;
  }
  /// Contents that are not where they belong.
  std::size_t misplaced() {
    const store_choice choice(here());
    std::size_t out = 0;
    for (const auto& content : all_)
      for (const auto& name : choice.first_names(content.id, copies_))
        out += sites_.at(name).has.has(content.id) ? 0 : 1;
    return out;
  }

  store_upkeep::options options_;
  std::map<std::string, site> sites_;
  std::vector<content_ref> all_;
  std::size_t copies_ = 2, asked_ = 0;
  duration away_ = seconds(30);
  bool fails_ = false;
  time_point now_ = time_from_ns(1'000'000'000'000);
};

TEST_F(store_upkeep_test, sends_nothing_where_all_is_in_place) {
  for (const std::string name : {"a", "b", "c"}) start(name);
  bring(500);
  EXPECT_TRUE(run().empty());
  EXPECT_GT(asked_, 500U) << "it was looked for all the same";
  for (auto& [name, at] : sites_) EXPECT_EQ(at.upkeep->to_check(at.has), 0U);
}

TEST_F(store_upkeep_test, a_store_that_only_starts_anew_causes_no_copying) {
  for (const std::string name : {"a", "b", "c"}) start(name);
  bring(300);
  run();
  stop("b");
  now_ += seconds(29);
  EXPECT_TRUE(run(seconds(1)).empty());
  start("b");
  EXPECT_TRUE(run().empty());
  EXPECT_EQ(misplaced(), 0U);
}

TEST_F(store_upkeep_test, what_a_store_had_goes_to_the_next_of_the_order_once_it_is_away_for_long) {
  for (const std::string name : {"a", "b", "c", "d"}) start(name);
  bring(400);
  run();
  stop("b");
  now_ += seconds(29);
  EXPECT_TRUE(run(seconds(1)).empty());
  EXPECT_GT(misplaced(), 100U);
  now_ += seconds(1);
  const auto copies = run();
  EXPECT_EQ(misplaced(), 0U);
  std::set<digest> each;
  for (const auto& one : copies) each.insert(one.content);
  EXPECT_EQ(each.size(), copies.size()) << "each is sent once";
}

TEST_F(store_upkeep_test, a_new_store_gets_its_share_and_each_copy_once) {
  for (const std::string name : {"a", "b", "c"}) start(name);
  bring(400);
  run();
  start("new");
  const auto before = misplaced();
  EXPECT_GT(before, 100U);
  EXPECT_EQ(run().size(), before);
  EXPECT_EQ(misplaced(), 0U);
}

/// It comes back with what it had, and what was brought meanwhile comes to it.
TEST_F(store_upkeep_test, a_store_that_comes_back_gets_what_it_has_missed) {
  for (const std::string name : {"a", "b", "c"}) start(name);
  bring(100);
  run();
  stop("c");
  bring(100);
  now_ += seconds(31);
  run();
  EXPECT_EQ(misplaced(), 0U);
  start("c");
  EXPECT_GT(misplaced(), 20U);
  const auto copies = run();
  EXPECT_EQ(misplaced(), 0U);
  for (const auto& one : copies) EXPECT_EQ(one.to, "c");
}

TEST_F(store_upkeep_test, the_rarest_go_first) {
  copies_ = 3;
  for (const std::string name : {"a", "b", "c", "d", "e"}) start(name);
  bring(300);
  run();
  const store_choice before(here());
  stop("a");
  stop("b");
  now_ += seconds(31);
  const auto gone = [&](const digest& content) {
    const auto names = before.first_names(content, 3);
    return std::ranges::count(names, "a") + std::ranges::count(names, "b");
  };
  std::map<std::string, std::vector<std::ptrdiff_t>> sent_by;
  for (const auto& one : run()) sent_by[one.from].push_back(gone(one.content));
  for (const auto& [name, order] : sent_by) {
    EXPECT_TRUE(std::ranges::is_sorted(order, std::greater())) << name;
    EXPECT_EQ(order.front(), 2);
  }
  EXPECT_EQ(misplaced(), 0U);
}

/// The first of the order has lost it, and nobody knows.
TEST_F(store_upkeep_test, the_second_round_finds_what_the_first_of_an_order_lacks) {
  for (const std::string name : {"a", "b", "c"}) start(name);
  bring(200);
  const store_choice choice(here());
  for (const auto& content : all_) sites_.at(choice.first_names(content.id, 1)[0]).has.remove(content.id);
  EXPECT_EQ(misplaced(), 200U);
  EXPECT_EQ(run().size(), 200U);
  EXPECT_EQ(misplaced(), 0U);
}

TEST_F(store_upkeep_test, a_pass_that_failed_is_made_again) {
  for (const std::string name : {"a", "b"}) start(name);
  bring(100);
  run();
  start("c");
  fails_ = true;
  run(seconds(8));
  EXPECT_GT(misplaced(), 0U);
  EXPECT_GT(sites_.at("a").upkeep->to_check(sites_.at("a").has), 0U);
  fails_ = false;
  now_ += seconds(30);
  run();
  EXPECT_EQ(misplaced(), 0U);
}

TEST_F(store_upkeep_test, contents_are_looked_after_now_and_then_whatever_happens) {
  for (const std::string name : {"a", "b"}) start(name);
  bring(20);
  run();
  sites_.at("b").has.remove(all_[7].id);
  EXPECT_TRUE(run().empty());
  now_ += options_.every;
  EXPECT_EQ(run().size(), 1U);
}

TEST_F(store_upkeep_test, a_copy_too_many_does_not_belong_here) {
  copies_ = 1;
  for (const std::string name : {"a", "b"}) start(name);
  const store_choice choice(here());
  for (int i = 0; i < 20; ++i) {
    const auto first = choice.first_names(numbered(i).id, 1)[0];
    EXPECT_EQ(sites_.at("a").upkeep->belongs_here(numbered(i).id), first == "a");
    EXPECT_TRUE(sites_.at("a").upkeep->others_suffice());
  }
  stop("b");
  EXPECT_FALSE(sites_.at("a").upkeep->others_suffice());
}

/// Stores come and go at random; once they stay, all is in place where one copy was left.
TEST_F(store_upkeep_test, comes_to_rest_whatever_happens) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    sites_.clear();
    all_.clear();
    copies_ = 1 + seed % 3;
    options_.batch_max = 1 + random() % 40;
    options_.looked_at_max = 5 + random() % 100;
    const std::vector<std::string> names{"a", "b", "c", "d", "e"};
    for (const auto& name : names) start(name);
    bring(60);
    for (int step = 0; step < 40; ++step) {
      const auto& name = names[random() % names.size()];
      if (sites_.at(name).here && here().size() > copies_)
        stop(name);
      else if (!sites_.at(name).here)
        start(name);
      run(seconds(static_cast<int>(random() % 60)));
      bring(static_cast<int>(random() % 5));
    }
    now_ += away_;
    run();
    // Lost are those of which no store that is here has a copy.
    std::erase_if(all_, [&](const auto& content) {
      return std::ranges::none_of(
          sites_, [&](const auto& at) { return at.second.here && at.second.has.has(content.id); });
    });
    EXPECT_EQ(misplaced(), 0U) << "seed " << seed;
  }
}

}  // namespace
}  // namespace graphite
