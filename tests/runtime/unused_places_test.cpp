#include "runtime/unused_places.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace graphite {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

extent place(std::uint64_t offset) { return {{1}, offset, 10}; }

TEST(unused_places, are_given_once_no_version_that_had_a_use_for_them_is_read) {
  unused_places places;
  places.add(1, {place(10), place(20)});
  places.add(2, {place(30)});
  EXPECT_THAT(places.take(1), IsEmpty()) << "version 1 is still read";
  EXPECT_THAT(places.take(2), ElementsAre(place(10), place(20)));
  EXPECT_THAT(places.take(2), IsEmpty()) << "given once";
  places.add(3, {place(40)});
  EXPECT_THAT(places.take(9), ElementsAre(place(30), place(40)));
  EXPECT_EQ(places.size(), 0u);
}

TEST(unused_places, are_bounded_while_a_pin_is_held_for_ever) {
  unused_places places;
  for (std::uint64_t version = 1; version <= 100; ++version)
    places.add(version, std::vector<extent>(unused_places::places_max / 10, place(version)));
  EXPECT_LE(places.size(), unused_places::places_max);
  const auto kept = places.take(1000);
  ASSERT_EQ(kept.size(), unused_places::places_max / 10 * 10);
  EXPECT_EQ(kept.front(), place(91)) << "the oldest were dropped";
  places.add(1, std::vector<extent>(unused_places::places_max + 1, place(1)));
  EXPECT_THAT(places.take(1000), IsEmpty());
}

}  // namespace
}  // namespace graphite
