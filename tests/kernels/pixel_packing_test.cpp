#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/pixel_codes.hpp"
#include "tests/kernels/every_target.hpp"
#include "tests/kernels/random_rows.hpp"

namespace graphite {
namespace {

using test::random_rows;

constexpr auto last_index = static_cast<float>(code_steps::entries - 1);

/// Codes of linear light, as those of sRGB grow: the steepest table that steps are for.
std::vector<std::uint8_t> light_codes() {
  std::vector<std::uint8_t> out(code_steps::entries);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto light = static_cast<double>(i) / last_index;
    const auto code = light < 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
    out[i] = static_cast<std::uint8_t>(std::lround(255 * code));
  }
  return out;
}

/// Grows by one here and there, no more than twice in a bucket; the steps are as near as they may be.
std::vector<std::uint8_t> random_codes(random_rows& random) {
  std::vector<std::uint8_t> out(code_steps::entries);
  std::size_t code = random.below(3);
  for (std::size_t at = 0; at < out.size();) {
    const auto size =
        std::size_t{1} << (at < code_steps::fine_end ? code_steps::fine_shift : code_steps::coarse_shift);
    std::array<std::size_t, 2> steps{random.below(8 * size), random.below(8 * size)};
    for (std::size_t i = 0; i < size; ++i) {
      const bool step = i > 0 && std::find(steps.begin(), steps.end(), i) != steps.end();
      code = std::min<std::size_t>(code + (step ? 1 : 0), 255);
      out[at + i] = static_cast<std::uint8_t>(code);
    }
    at += size;
  }
  return out;
}

TEST(code_steps, stand_for_each_entry_of_the_table) {
  random_rows random(1);
  for (const auto& table :
       {light_codes(), random_codes(random), std::vector<std::uint8_t>(code_steps::entries, 9)}) {
    const auto steps = steps_of(table);
    ASSERT_TRUE(steps);
    for (std::size_t i = 0; i < table.size(); ++i) {
      const bool coarse = i >= code_steps::fine_end;
      const auto shift = coarse ? code_steps::coarse_shift : code_steps::fine_shift;
      const auto bucket = (coarse ? 256 : 0) + (i >> shift), place = i & ((1u << shift) - 1);
      const auto code = steps->first[bucket] + (place >= steps->step_1[bucket] ? 1 : 0) +
                        (place >= steps->step_2[bucket] ? 1 : 0);
      ASSERT_EQ(code, table[i]) << i;
    }
  }
}

TEST(code_steps, are_not_there_for_tables_that_grow_in_another_way) {
  EXPECT_FALSE(steps_of({}));
  const auto changed = [](std::size_t from, int by) {
    std::vector<std::uint8_t> table(code_steps::entries, 9);
    for (auto i = from; i < table.size(); ++i) table[i] = static_cast<std::uint8_t>(table[i] + by);
    return table;
  };
  EXPECT_TRUE(steps_of(changed(2049, 1)));
  EXPECT_FALSE(steps_of(changed(2049, 2)));
  EXPECT_FALSE(steps_of(changed(2049, -1)));
  // From one bucket to the next it may do what it likes.
  EXPECT_TRUE(steps_of(changed(2048, -7)));
  auto thrice = changed(1, 1);
  for (std::size_t i = 3; i < 8; ++i) ++thrice[i];
  EXPECT_TRUE(steps_of(thrice));
  for (std::size_t i = 5; i < 8; ++i) ++thrice[i];
  EXPECT_FALSE(steps_of(thrice));
  thrice.push_back(0);
  EXPECT_FALSE(steps_of(thrice));
}

class pixel_packing : public test::every_target {};

/// Packs by the same table with and without its steps and by the twin; true where all are the same.
bool all_agree(std::span<const float* const> rows, const std::vector<std::uint8_t>& table,
               const code_steps& steps, code_quantizer alpha, std::size_t count) {
  code_quantizer by_table{last_index, table.data()}, by_steps{last_index, table.data(), &steps};
  const auto pack = [&](auto call, code_quantizer colours) {
    const code_quantizer all[] = {colours, colours, colours, alpha};
    std::vector<std::uint8_t> out(4 * count + 4, 77);
    call(rows.data(), std::span(all).first(rows.size()), out.data(), count);
    return out;
  };
  const auto expected = pack(scalar::pack_pixels, by_table);
  return pack(pack_pixels, by_steps) == expected && pack(pack_pixels, by_table) == expected;
}

TEST_P(pixel_packing, every_index_has_the_code_of_the_table) {
  random_rows random(2);
  for (const auto& table : {light_codes(), random_codes(random)}) {
    const auto steps = steps_of(table);
    ASSERT_TRUE(steps);
    std::vector<float> values(code_steps::entries);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / last_index;
    const auto backwards = std::vector(values.rbegin(), values.rend());
    const float* const rows[] = {values.data(), backwards.data(), values.data(), backwards.data()};
    EXPECT_TRUE(all_agree(rows, table, *steps, {}, values.size()));
    EXPECT_TRUE(all_agree(std::span(rows).first(3), table, *steps, {}, values.size()));
  }
}

TEST_P(pixel_packing, random_rows_have_the_same_codes_with_and_without_steps) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    random_rows random(seed);
    const auto table = random_codes(random);
    const auto steps = steps_of(table);
    ASSERT_TRUE(steps);
    const auto count = random.count();
    const auto channels = 1 + random.below(4);
    std::vector<test::placed<float>> values;
    std::vector<const float*> rows;
    for (std::size_t c = 0; c < channels; ++c) values.push_back(random.row(count));
    for (const auto& one : values) rows.push_back(one.data());
    const code_quantizer alphas[] = {{},
                                     {static_cast<float>(random.below(256))},
                                     {last_index, table.data()},
                                     {last_index, table.data(), &*steps}};
    EXPECT_TRUE(all_agree(rows, table, *steps, alphas[random.below(4)], count)) << "seed " << seed;
  }
}

TEST_P(pixel_packing, channels_of_different_tables_have_each_their_codes) {
  random_rows random(3);
  const auto first = light_codes(), second = random_codes(random);
  const auto first_steps = steps_of(first), second_steps = steps_of(second);
  const code_quantizer all[] = {{last_index, first.data(), &*first_steps},
                                {last_index, second.data(), &*second_steps},
                                {last_index, first.data(), &*first_steps}};
  const auto values = random.row(200);
  const float* const rows[] = {values.data(), values.data(), values.data()};
  std::vector<std::uint8_t> fast(800), plain(800);
  pack_pixels(rows, all, fast.data(), 200);
  scalar::pack_pixels(rows, all, plain.data(), 200);
  EXPECT_EQ(fast, plain);
}

INSTANTIATE_TEST_SUITE_P(every, pixel_packing, testing::ValuesIn(simd_targets()), test::name_of_target);

}  // namespace
}  // namespace graphite
