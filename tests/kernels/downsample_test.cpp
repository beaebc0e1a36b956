#include "kernels/downsample.hpp"

#include <algorithm>
#include <array>

#include "tests/kernels/every_target.hpp"
#include "tests/kernels/guarded_bytes.hpp"
#include "tests/kernels/random_rows.hpp"
#include "tests/kernels/rows.hpp"

namespace graphite {
namespace {

using test::row;
using test::same_bits;
using test::some_row;

constexpr std::size_t counts[] = {0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 101};

class downsample : public test::every_target {
 protected:
  static constexpr std::uint64_t seeds = 300;
  static std::string of(std::uint64_t seed) { return "seed " + std::to_string(seed); }
};

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

TEST_P(downsample, random_rows_are_averaged_and_divided_as_by_the_twins) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    test::random_rows random(seed);
    const auto count = random.count();
    const auto upper = random.row(2 * count), lower = random.row(2 * count), by = random.row(count);
    auto fast = random.row(count), plain = fast;
    average_2x2(upper.data(), lower.data(), fast.data(), count);
    scalar::average_2x2(upper.data(), lower.data(), plain.data(), count);
    ASSERT_TRUE(test::same_numbers(fast.all, plain.all)) << of(seed);
    multiply_row(fast.data(), by.data(), count);
    scalar::multiply_row(plain.data(), by.data(), count);
    ASSERT_TRUE(test::same_numbers(fast.all, plain.all)) << of(seed);
    const auto least = random.value();
    divide_row(fast.data(), by.data(), least, count);
    scalar::divide_row(plain.data(), by.data(), least, count);
    ASSERT_TRUE(test::same_numbers(fast.all, plain.all)) << of(seed) << ", at least " << least;
  }
}

TEST_P(downsample, random_rows_are_weighed_and_halved_as_by_the_twins) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    test::random_rows random(seed);
    const auto count = random.count(), taps = 1 + random.below(13);
    const auto weights = random.row(taps);
    std::vector<test::placed<float>> rows;
    std::vector<const float*> pointers;
    for (std::size_t k = 0; k < taps; ++k) rows.push_back(random.row(count));
    for (const auto& one : rows) pointers.push_back(one.data());
    auto fast = random.row(count), plain = fast;
    weigh_rows(pointers, weights.data(), fast.data(), count);
    scalar::weigh_rows(pointers, weights.data(), plain.data(), count);
    ASSERT_TRUE(test::same_numbers(fast.all, plain.all)) << of(seed);
    const auto in = random.row(2 * count + taps + 1);
    halve_row(in.data(), {weights.data(), taps}, fast.data(), count);
    scalar::halve_row(in.data(), {weights.data(), taps}, plain.data(), count);
    ASSERT_TRUE(test::same_numbers(fast.all, plain.all)) << of(seed);
  }
}

TEST_P(downsample, random_vectors_are_made_units_as_by_the_twin) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    test::random_rows random(seed);
    const auto count = random.count();
    auto x = random.row(count), y = random.row(count), z = random.row(count), a = x, b = y, c = z;
    normalize_rows(x.data(), y.data(), z.data(), count);
    scalar::normalize_rows(a.data(), b.data(), c.data(), count);
    ASSERT_TRUE(test::same_numbers(x.all, a.all) && test::same_numbers(y.all, b.all) &&
                test::same_numbers(z.all, c.all))
        << of(seed);
  }
}

TEST_P(downsample, nothing_outside_the_rows_is_read_or_written) {
  test::guarded_bytes first(4096), second(4096), third(4096);
  const auto all = [](float* row, std::size_t count) {
    std::fill_n(row, count, 1.0f);
    return row;
  };
  for (std::size_t count = 0; count <= 140; ++count)
    for (const bool at_end : {false, true}) {
      const row weights(1 + count % 7, 1.0f);
      const auto taps = (weights.size() + 1) / 2 * 2;
      auto* const out = test::floats_at(third, count, at_end);
      const auto in = [&](test::guarded_bytes& memory, std::size_t size) {
        return all(test::floats_at(memory, size, at_end), size);
      };
      average_2x2(in(first, 2 * count), in(second, 2 * count), out, count);
      ASSERT_EQ(row(out, out + count), row(count, 1.0f));
      halve_row(in(first, 2 * count + taps), weights, out, count);
      ASSERT_EQ(row(out, out + count), row(count, static_cast<float>(weights.size())));
      const float* const rows[] = {in(first, count), in(second, count)};
      weigh_rows(rows, std::array{1.0f, 1.0f}.data(), out, count);
      ASSERT_EQ(row(out, out + count), row(count, 2.0f));
      multiply_row(out, in(first, count), count);
      divide_row(out, in(second, count), 2, count);
      ASSERT_EQ(row(out, out + count), row(count, 1.0f));
      normalize_rows(in(first, count), std::fill_n(in(second, count), count, 0.0f) - count, out, count);
      ASSERT_EQ(row(out, out + count),
                row(test::floats_at(first, count, at_end), test::floats_at(first, count, at_end) + count));
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
