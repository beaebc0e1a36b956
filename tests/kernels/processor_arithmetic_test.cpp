#include "kernels/processor_arithmetic.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace graphite {
namespace {

TEST(processor_arithmetic, traits_are_those_of_reciprocals) {
  const auto here = traits_of_processor();
#if defined(__x86_64__)
  ASSERT_EQ(here.reciprocals.size(), 2u * 8192);
  // Four values, then their roots; the first value is 1, the last ones are near 4.
  EXPECT_NEAR(here.reciprocals[0], 1, 4e-4);
  EXPECT_NEAR(here.reciprocals[4], 1, 4e-4);
  EXPECT_NEAR(here.reciprocals[2 * 8192 - 5], 0.25, 2e-4);
  EXPECT_NEAR(here.reciprocals[2 * 8192 - 1], 0.5, 4e-4);
#endif
  EXPECT_EQ(mark_of(traits_of_processor()), mark_of(here));
}

TEST(processor_arithmetic, each_difference_has_another_mark) {
  processor_traits some;
  some.reciprocals = {1, 0.5f, 0.25f};
  auto nearly = some;
  nearly.reciprocals[1] = std::nextafter(0.5f, 1.0f);
  EXPECT_NE(mark_of(nearly), mark_of(some));
  for (const auto trait : {&processor_traits::avx, &processor_traits::avx2, &processor_traits::fma}) {
    auto other = some;
    other.*trait = true;
    EXPECT_NE(mark_of(other), mark_of(some));
  }
}

}  // namespace
}  // namespace graphite
