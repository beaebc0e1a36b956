#include "platform/crypto/open_handshakes.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

struct open_handshake : testing::Test {
  static constexpr std::size_t most = open_handshakes::open_max;
  std::vector<int> waits(std::size_t which, std::uint16_t dialled = 0) {
    return all.waits(&names[which], static_cast<int>(which), dialled, now);
  }
  open_handshakes all;
  char names[most * 2]{};
  time_point now{seconds(100)};
};

TEST_F(open_handshake, is_given_up_after_its_time) {
  EXPECT_TRUE(waits(0).empty());
  now += open_handshakes::wait_max - duration(1);
  EXPECT_TRUE(waits(1).empty());
  EXPECT_TRUE(waits(0).empty());  // asked again: it does not begin anew
  now += duration(1);
  EXPECT_EQ(waits(2), std::vector{0});
  EXPECT_EQ(all.open(), 2U);
}

TEST_F(open_handshake, goes_when_there_are_too_many_and_it_is_the_oldest) {
  for (std::size_t i = 0; i < most; ++i) EXPECT_TRUE(waits(i).empty());
  EXPECT_EQ(waits(most), std::vector{0});
  EXPECT_EQ(waits(most + 1), std::vector{1});
  EXPECT_EQ(all.open(), most);
}

TEST_F(open_handshake, that_has_ended_counts_no_more) {
  for (std::size_t i = 0; i < most; ++i) (void)waits(i);
  all.ends(&names[0]);
  all.ends(&names[0]);
  EXPECT_EQ(all.open(), most - 1);
  EXPECT_TRUE(waits(most).empty());
  EXPECT_EQ(waits(most + 1), std::vector{1});
}

TEST_F(open_handshake, that_was_dialled_is_given_up_by_its_port) {
  (void)waits(0);
  (void)waits(1, 7401);
  (void)waits(2, 7402);
  (void)waits(3, 7401);
  EXPECT_TRUE(all.give_up_dials(0).empty());
  EXPECT_EQ(all.give_up_dials(7401), (std::vector{1, 3}));
  EXPECT_TRUE(all.give_up_dials(7401).empty());
  EXPECT_EQ(all.open(), 2U);
}

TEST_F(open_handshake, of_a_name_that_is_used_again_is_another) {
  (void)waits(0);
  all.ends(&names[0]);
  now += open_handshakes::wait_max;
  EXPECT_TRUE(waits(0).empty());
  EXPECT_EQ(all.open(), 1U);
}

}  // namespace
}  // namespace graphite
