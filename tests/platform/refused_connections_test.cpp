#include "platform/crypto/refused_connections.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(refused_connections, tells_each_once_and_keeps_the_newest) {
  refused_connections all;
  for (std::size_t i = 0; i < refused_connections::kept_max + 2; ++i)
    all.accepted({std::to_string(i), "why"});
  const auto found = all.take_accepted();
  ASSERT_EQ(found.size(), refused_connections::kept_max);
  EXPECT_EQ(found.front().peer, "2");
  EXPECT_TRUE(all.take_accepted().empty());
}

TEST(refused_connections, tells_of_a_port_why_the_last_dial_was) {
  refused_connections all;
  all.dialled(7401, "first");
  all.dialled(7401, "second");
  EXPECT_FALSE(all.take_dialled(7402));
  EXPECT_EQ(all.take_dialled(7401), "second");
  EXPECT_FALSE(all.take_dialled(7401));
  for (std::uint16_t port = 1; port <= refused_connections::ports_max + 1; ++port) all.dialled(port, "why");
  EXPECT_FALSE(all.take_dialled(1)) << "one too many";
  EXPECT_TRUE(all.take_dialled(2));
}

}  // namespace
}  // namespace graphite
