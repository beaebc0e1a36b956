#include "kernels/downsample.hpp"

#include "tests/kernels/every_target.hpp"
#include "tests/kernels/rows.hpp"

namespace graphite {
namespace {

using test::row;
using test::same_bits;
using test::some_row;

constexpr std::size_t counts[] = {0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 101};

class downsample : public test::every_target {};

TEST_P(downsample, average_2x2_has_the_bits_of_its_twin) {
  for (const auto count : counts) {
    const auto upper = some_row(2 * count, 1), lower = some_row(2 * count, 2);
    row fast(count), plain(count);
    average_2x2(upper.data(), lower.data(), fast.data(), count);
    scalar::average_2x2(upper.data(), lower.data(), plain.data(), count);
    EXPECT_TRUE(same_bits(fast, plain)) << count;
  }
}

TEST_P(downsample, weighed_rows_and_halved_ones_have_the_bits_of_their_twins) {
  for (const auto count : counts)
    for (const std::size_t taps : {1u, 2u, 3u, 12u}) {
      const auto weights = some_row(taps, 3);
      std::vector<row> rows;
      std::vector<const float*> pointers;
      for (std::size_t k = 0; k < taps; ++k) rows.push_back(some_row(count, static_cast<unsigned>(k)));
      for (const auto& one : rows) pointers.push_back(one.data());
      row fast(count), plain(count);
      weigh_rows(pointers, weights.data(), fast.data(), count);
      scalar::weigh_rows(pointers, weights.data(), plain.data(), count);
      EXPECT_TRUE(same_bits(fast, plain)) << count << ' ' << taps;
      const auto in = some_row(2 * count + taps + 1, 4);
      halve_row(in.data(), weights, fast.data(), count);
      scalar::halve_row(in.data(), weights, plain.data(), count);
      EXPECT_TRUE(same_bits(fast, plain)) << count << ' ' << taps;
    }
}

TEST_P(downsample, products_quotients_and_unit_vectors_have_the_bits_of_their_twins) {
  for (const auto count : counts) {
    auto x = some_row(count, 5), y = some_row(count, 6), z = some_row(count, 7);
    if (count > 3) x[3] = y[3] = z[3] = 0;
    auto a = x, b = y, c = z;
    multiply_row(x.data(), y.data(), count);
    scalar::multiply_row(a.data(), b.data(), count);
    EXPECT_TRUE(same_bits(x, a)) << count;
    divide_row(x.data(), y.data(), 0.25f, count);
    scalar::divide_row(a.data(), b.data(), 0.25f, count);
    EXPECT_TRUE(same_bits(x, a)) << count;
    normalize_rows(x.data(), y.data(), z.data(), count);
    scalar::normalize_rows(a.data(), b.data(), c.data(), count);
    EXPECT_TRUE(same_bits(x, a) && same_bits(y, b) && same_bits(z, c)) << count;
  }
}

INSTANTIATE_TEST_SUITE_P(every, downsample, testing::ValuesIn(simd_targets()), test::name_of_target);

TEST(downsample_values, are_those_that_the_header_states) {
  const row upper{1, 2, 3, 4}, lower{5, 6, 7, 12};
  row out(2);
  average_2x2(upper.data(), lower.data(), out.data(), 2);
  EXPECT_EQ(out, (row{3.5f, 6.5f}));
  row x{0, 3}, y{0, 0}, z{0, 4};
  normalize_rows(x.data(), y.data(), z.data(), 2);
  EXPECT_EQ(z[0], 1.0f);
  EXPECT_NEAR(x[1], 0.8f, 1e-6);
  EXPECT_NEAR(z[1], 0.9f, 1e-6);
}

}  // namespace
}  // namespace graphite
