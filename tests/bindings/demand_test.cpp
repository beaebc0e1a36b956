// What readers wait for of a channel that is kept on demand.

#include "bindings/c/demand.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace graphite::c_api {
namespace {

digest name_of(std::uint8_t number) {
  digest out;
  out.bytes.fill(number);
  return out;
}

TEST(demand, what_is_asked_for_is_taken_once_until_it_is_settled) {
  int woken = 0;
  demand wanted([&] { ++woken; });
  EXPECT_TRUE(wanted.want({1}));
  EXPECT_TRUE(wanted.want({2}));
  EXPECT_TRUE(wanted.want({1}));
  EXPECT_EQ(woken, 1) << "whoever takes, takes all";
  EXPECT_EQ(wanted.take(), (std::vector<asset_id>{{1}, {2}}));
  EXPECT_TRUE(wanted.want({1}));
  EXPECT_TRUE(wanted.take().empty()) << "it is on its way";
  wanted.settle({1});
  EXPECT_TRUE(wanted.want({1}));
  EXPECT_EQ(wanted.take(), std::vector<asset_id>{{1}});
  wanted.close();
  EXPECT_FALSE(wanted.want({3}));
}

TEST(demand, a_folder_that_is_made_anew_is_asked_again_and_places_nothing_yet) {
  int woken = 0;
  demand wanted([&] { ++woken; });
  wanted.want({1});
  wanted.want({2});
  wanted.take();
  wanted.settle({2});
  const auto before = wanted.places();
  before->put(name_of(7), {segment_id{3}, 64, 100});
  wanted.reopen();
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(wanted.take(), std::vector<asset_id>{{1}}) << "what was on its way, and not what has come";
  EXPECT_FALSE(wanted.places()->find(name_of(7))) << "another file may lie there now";
  EXPECT_EQ(before->find(name_of(7)), (extent{segment_id{3}, 64, 100}))
      << "for generations of the former one";
  wanted.want({4});
  wanted.reopen();
  auto again = wanted.take();
  std::ranges::sort(again);
  EXPECT_EQ(again, (std::vector<asset_id>{{1}, {4}})) << "each once";
}

}  // namespace
}  // namespace graphite::c_api
