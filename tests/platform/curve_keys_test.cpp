#include "platform/crypto/curve_keys.hpp"

#include <gtest/gtest.h>
#include <zmq.h>

#include <algorithm>

namespace graphite {
namespace {

TEST(curve_keys, are_pairs_as_zeromq_makes_them) {
  for (int i = 0; i < 10; ++i) {
    const auto made = make_curve_pair().value();
    char secret[41], expected[41], own[41];
    zmq_z85_encode(secret, reinterpret_cast<const std::uint8_t*>(made.secret.view().data()), 32);
    ASSERT_EQ(zmq_curve_public(expected, secret), 0);
    zmq_z85_encode(own, reinterpret_cast<const std::uint8_t*>(made.key.bytes.data()), 32);
    EXPECT_STREQ(own, expected);
  }
}

TEST(curve_keys, are_the_same_again_from_their_secret) {
  const auto made = make_curve_pair().value();
  const auto again = curve_pair_of(made.secret.copy()).value();
  EXPECT_EQ(again.key, made.key);
  EXPECT_TRUE(std::ranges::equal(again.secret.view(), made.secret.view()));
  EXPECT_NE(make_curve_pair().value().key, made.key);
  EXPECT_EQ(curve_pair_of(secret_bytes(byte_vector(31))).error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace graphite
