#include "kernels/simd_target.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(simd_target, unknown_names_are_refused_and_the_best_is_back_afterwards) {
  EXPECT_EQ(force_simd_target("mmx").error().code, errc::invalid_argument);
  ASSERT_TRUE(force_simd_target("scalar"));
  EXPECT_TRUE(simd_is_scalar());
  release_simd_target();
  EXPECT_FALSE(simd_is_scalar());
  EXPECT_EQ(simd_targets().front(), "scalar");
}

}  // namespace
}  // namespace graphite
