#include "kernels/processor_arithmetic.hpp"

#include <gtest/gtest.h>

#include "kernels/simd_target.hpp"

namespace graphite {
namespace {

TEST(processor_arithmetic, is_one_for_one_processor) {
  const auto here = processor_arithmetic();
#if defined(__x86_64__)
  EXPECT_NE(here, 0u);
#endif
  for (const auto target : simd_targets()) {
    ASSERT_TRUE(force_simd_target(target));
    EXPECT_EQ(processor_arithmetic(), here) << target;
  }
  release_simd_target();
}

}  // namespace
}  // namespace graphite
