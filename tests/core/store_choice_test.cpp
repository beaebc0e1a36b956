#include "core/store_choice.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "platform/crypto/sha256.hpp"

namespace graphite {
namespace {

std::vector<std::string> stores(std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back("10.0.0." + std::to_string(i) + ":7403");
  return out;
}

std::vector<digest> contents(std::size_t count) {
  const openssl_hasher hash;
  std::vector<digest> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(hash.sha256(as_bytes(std::to_string(i))));
  return out;
}

TEST(store_choice, spreads_contents_evenly) {
  constexpr std::size_t all = 20'000, copies = 2;
  const store_choice choice(stores(10));
  std::map<std::size_t, std::size_t> held;
  for (const auto& content : contents(all))
    for (const auto store : choice.first(content, copies)) ++held[store];
  const double mean = all * copies / 10.0;
  for (const auto& [store, count] : held)
    EXPECT_LT(std::abs(static_cast<double>(count) - mean), 5 * std::sqrt(mean)) << choice.names()[store];
  EXPECT_EQ(held.size(), 10U);
}

TEST(store_choice, names_different_stores_and_no_more_than_there_are) {
  const store_choice choice(stores(3));
  for (const auto& content : contents(100)) {
    const auto order = choice.first(content, 9);
    EXPECT_EQ(std::set<std::size_t>(order.begin(), order.end()), (std::set<std::size_t>{0, 1, 2}));
  }
  EXPECT_TRUE(store_choice().first(digest{}, 2).empty());
}

TEST(store_choice, begins_every_longer_answer_with_the_shorter_one) {
  const store_choice choice(stores(8));
  for (const auto& content : contents(100)) {
    const auto all = choice.first(content, 8);
    for (std::size_t count = 0; count < 8; ++count)
      EXPECT_TRUE(std::equal(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count),
                             choice.first(content, count).begin()));
  }
}

TEST(store_choice, does_not_depend_on_the_order_of_the_names) {
  auto names = stores(7);
  const store_choice one(names);
  std::reverse(names.begin(), names.end());
  names.push_back(names.front());
  const store_choice other(names);
  for (const auto& content : contents(100))
    EXPECT_EQ(one.first_names(content, 3), other.first_names(content, 3));
}

// Written down: another version of the program has to find the contents where this one has put them.
TEST(store_choice, gives_the_same_order_in_every_version) {
  const store_choice choice({"a", "b", "c", "d", "e"});
  std::string orders;
  for (const auto& content : contents(4)) {
    for (const auto& name : choice.first_names(content, 5)) orders += name;
    orders += ' ';
  }
  EXPECT_EQ(orders, "dcabe cdbea cdbea cdbea ");
}

/// Contents that `to` holds and `from` did not, summed over stores.
std::size_t moved(const store_choice& from, const store_choice& to, const std::vector<digest>& all,
                  std::size_t copies) {
  std::size_t out = 0;
  for (const auto& content : all) {
    const auto before = from.first_names(content, copies);
    for (const auto& name : to.first_names(content, copies))
      out += std::find(before.begin(), before.end(), name) == before.end() ? 1 : 0;
  }
  return out;
}

TEST(store_choice, a_store_that_goes_gives_only_its_own_to_others) {
  const auto all = contents(5'000);
  auto names = stores(10);
  const store_choice before(names);
  const auto gone = names[4];
  names.erase(names.begin() + 4);
  const store_choice after(names);
  std::size_t had = 0;
  for (const auto& content : all) {
    const auto old = before.first_names(content, 3);
    const bool held = std::find(old.begin(), old.begin() + 2, gone) != old.begin() + 2;
    had += held ? 1 : 0;
    std::vector<std::string> left;  // the same order without it: the third takes its place
    for (const auto& name : old)
      if (name != gone && left.size() < 2) left.push_back(name);
    EXPECT_EQ(after.first_names(content, 2), left);
  }
  EXPECT_EQ(moved(before, after, all, 2), had);
}

TEST(store_choice, a_store_that_comes_takes_its_share_and_no_more) {
  const auto all = contents(5'000);
  const store_choice before(stores(9)), after(stores(10));
  const auto took = moved(before, after, all, 2);
  const double share = 5'000 * 2 / 10.0;
  EXPECT_LT(std::abs(static_cast<double>(took) - share), 5 * std::sqrt(share));
}

}  // namespace
}  // namespace graphite
