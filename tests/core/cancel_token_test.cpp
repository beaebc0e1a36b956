#include "core/cancel_token.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(cancel_token, wakes_each_subscriber_once) {
  cancel_token token;
  int woken = 0;
  const auto kept = token.on_cancel([&] { ++woken; });
  {
    const auto gone = token.on_cancel([&] { woken += 100; });
  }
  token.cancel();
  token.cancel();
  EXPECT_EQ(woken, 1);
}

TEST(cancel_token, late_subscribers_are_woken_at_once) {
  cancel_token token;
  cancel_token(token).cancel();
  int woken = 0;
  const auto kept = token.on_cancel([&] { ++woken; });
  EXPECT_EQ(woken, 1);
}

}  // namespace
}  // namespace graphite
