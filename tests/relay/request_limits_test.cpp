#include "relay/request_limits.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

time_point at(double s) { return time_point(duration(static_cast<std::int64_t>(s * 1e9))); }

curve_key key_number(unsigned n) {
  curve_key out;
  out.bytes[0] = static_cast<std::byte>(n);
  out.bytes[1] = static_cast<std::byte>(n >> 8);
  return out;
}

TEST(request_limits, count_each_client_for_itself) {
  request_limits limits({.requests = {1, 2}});
  EXPECT_TRUE(limits.take_request(key_number(1), at(1)));
  EXPECT_TRUE(limits.take_request(key_number(1), at(1)));
  EXPECT_EQ(limits.take_request(key_number(1), at(1)).error().code, errc::busy);
  EXPECT_TRUE(limits.take_request(key_number(2), at(1)));
}

TEST(request_limits, bound_the_enrolments_of_all) {
  request_limits limits({.enrolments = {1, 1}, .all_enrolments = {1, 3}});
  int taken = 0;
  for (unsigned n = 0; n < 100; ++n) taken += limits.take_enrolment(key_number(n), at(1)).has_value();
  EXPECT_EQ(taken, 3);
}

TEST(request_limits, remember_a_bounded_number_of_clients) {
  request_limits limits({.requests = {1, 2}, .clients_max = 10});
  for (unsigned n = 0; n < 10; ++n) EXPECT_TRUE(limits.take_request(key_number(n), at(1)));
  EXPECT_EQ(limits.take_request(key_number(10), at(1)).error().code, errc::busy);
  EXPECT_TRUE(limits.take_request(key_number(10), at(9))) << "the others have been quiet";
  EXPECT_LE(limits.remembered(), 10u);
}

}  // namespace
}  // namespace graphite
