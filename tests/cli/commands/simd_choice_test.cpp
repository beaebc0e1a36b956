#include "cli/simd_choice.hpp"

#include "kernels/simd_target.hpp"
#include "tests/cli/commands/cli_support.hpp"

namespace graphite {
namespace {

class simd_choice : public testing::Test {
 protected:
  void TearDown() override { release_simd_target(); }
};

TEST_F(simd_choice, without_a_name_the_best_is_used) {
  EXPECT_TRUE(choose_simd_target());
  EXPECT_FALSE(simd_is_scalar());
  const test::environment_value simd("GRAPHITE_SIMD", "");
  EXPECT_TRUE(choose_simd_target());
  EXPECT_FALSE(simd_is_scalar());
}

TEST_F(simd_choice, every_name_of_this_machine_is_taken) {
  for (const auto name : simd_targets()) {
    const test::environment_value simd("GRAPHITE_SIMD", std::string(name).c_str());
    EXPECT_TRUE(choose_simd_target()) << name;
    EXPECT_EQ(simd_is_scalar(), name == "scalar");
  }
}

TEST_F(simd_choice, a_name_that_is_none_is_refused_with_those_that_are) {
  const test::environment_value simd("GRAPHITE_SIMD", "avx9");
  const auto refused = choose_simd_target();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::invalid_argument);
  EXPECT_EQ(refused.error().context,
            "GRAPHITE_SIMD: no instruction set 'avx9': scalar, sse2, ssse3, sse4, avx2, avx3 or avx3_dl");
}

}  // namespace
}  // namespace graphite
