#include "transforms/mip_chain.hpp"

#include <gtest/gtest.h>

#include "kernels/simd_target.hpp"
#include "tests/support/plain_buffers.hpp"
#include "tests/transforms/texture_support.hpp"
#include "transforms/ktx2.hpp"

namespace graphite {
namespace {

using test::image_of;
using test::rgba;

std::vector<rgba_image> levels_of(const rgba_image& image, const mip_options& options) {
  std::vector<rgba_image> out;
  serial_calls threads;
  plain_buffers memory;
  make_levels(image, options, threads, memory, [&](const rgba_image& level) { out.push_back(level); });
  return out;
}

double share_over(const rgba_image& image, double reference) {
  double over = 0;
  for (std::size_t i = 3; i < image.pixels.size(); i += 4) over += image.pixels[i] > reference * 255;
  return over / (static_cast<double>(image.pixels.size()) / 4);
}

constexpr mip_filter filters[] = {mip_filter::box, mip_filter::kaiser};
constexpr texel_meaning meanings[] = {texel_meaning::colour, texel_meaning::data};

TEST(mip_chain, has_the_same_levels_where_its_memory_gives_nothing) {
  rgba_image image{130, 70, {}};
  for (std::size_t i = 0; i < std::size_t{4} * 130 * 70; ++i)
    image.pixels.push_back(static_cast<std::uint8_t>(i * i / 7));
  plain_buffers memory, none;
  none.fail_takes(true);
  const auto levels_in = [&](plain_buffers& from, std::vector<std::size_t>& in_use) {
    std::vector<std::vector<std::uint8_t>> out;
    serial_calls threads;
    make_levels(image, {.alpha = true}, threads, from, [&](const rgba_image& level) {
      out.push_back(level.pixels);
      in_use.push_back(from.facts().bytes_in_use);
    });
    return out;
  };
  std::vector<std::size_t> held, not_held;
  EXPECT_EQ(levels_in(memory, held), levels_in(none, not_held));
  // The first level is the image: nothing is needed for it.
  ASSERT_EQ(held.size(), 8u);
  EXPECT_GE(held[1], 4 * sizeof(float) * 65 * 35);
  EXPECT_EQ(held[7], held[1]) << "one piece for all levels";
  EXPECT_EQ(not_held, std::vector<std::size_t>(8));
  EXPECT_EQ(memory.facts().bytes_in_use, 0u);
}

TEST(mip_chain, odd_sides_are_halved_and_rounded_down_to_one) {
  for (const auto filter : filters) {
    const auto levels = levels_of(test::some_image(13, 5), {.filter = filter});
    ASSERT_EQ(levels.size(), 4u);
    const std::uint32_t sides[][2] = {{13, 5}, {6, 2}, {3, 1}, {1, 1}};
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(levels[i].width, sides[i][0]);
      EXPECT_EQ(levels[i].height, sides[i][1]);
      EXPECT_EQ(levels[i].pixels.size(), std::size_t{4} * sides[i][0] * sides[i][1]);
    }
  }
  EXPECT_EQ(levels_of(test::some_image(1, 1), {}).size(), 1u);
}

TEST(mip_chain, a_constant_colour_stays_what_it_is_in_every_code) {
  for (const auto filter : filters)
    for (const auto meaning : meanings)
      for (unsigned code = 0; code < 256; ++code) {
        const rgba colour{code, 255 - code, code / 2, 255 - code / 3};
        const auto image = image_of(19, 6, [&](auto, auto) { return colour; });
        for (const auto& level : levels_of(image, {.meaning = meaning, .alpha = true, .filter = filter}))
          for (std::size_t i = 0; i < level.pixels.size(); ++i)
            ASSERT_EQ(level.pixels[i], colour[i % 4]) << code << ' ' << level.width;
      }
}

TEST(mip_chain, black_and_white_are_averaged_in_linear_light) {
  const auto board = image_of(64, 64, [](auto x, auto y) {
    const unsigned v = (x + y) % 2 * 255;
    return rgba{v, v, v, 255};
  });
  const auto colour = levels_of(board, {.filter = mip_filter::box});
  const auto data = levels_of(board, {.meaning = texel_meaning::data, .filter = mip_filter::box});
  for (std::size_t level = 1; level < colour.size(); ++level) {
    EXPECT_EQ(colour[level].pixels[0], 188);
    EXPECT_EQ(data[level].pixels[0], 128);
  }
  EXPECT_NEAR(levels_of(board, {}).at(2).row(8)[32], 188, 1);
}

TEST(mip_chain, colours_of_invisible_pixels_do_not_spread) {
  const auto image = image_of(32, 32, [](auto x, auto) {
    return x % 2 == 0 ? rgba{200, 100, 50, 255} : rgba{0, 255, 0, 0};
  });
  for (const auto filter : filters) {
    const auto level = levels_of(image, {.alpha = true, .filter = filter}).at(1);
    EXPECT_NEAR(level.row(8)[32], 200, 1);
    EXPECT_NEAR(level.row(8)[33], 100, 1);
    EXPECT_NEAR(level.row(8)[35], 128, 1);
  }
  const auto hidden = image_of(8, 8, [](auto, auto) { return rgba{9, 99, 199, 0}; });
  EXPECT_EQ(levels_of(hidden, {.alpha = true}).at(2).pixels[1], 99);
}

TEST(mip_chain, the_share_of_pixels_that_pass_an_alpha_test_is_kept) {
  const auto leaves = image_of(128, 128, [](auto x, auto y) {
    return rgba{10, 200, 10, (x * x * 3 + y * y * 7 + x * y) % 97 < 22 ? 255u : 0u};
  });
  const auto first = share_over(leaves, 0.5);
  const auto kept = levels_of(leaves, {.alpha = true, .alpha_coverage = 0.5});
  const auto lost = levels_of(leaves, {.alpha = true});
  for (std::size_t level = 1; level < 5; ++level)
    EXPECT_NEAR(share_over(kept[level], 0.5), first, 0.05) << level;
  EXPECT_LT(share_over(lost[3], 0.5), first - 0.1);
}

TEST(mip_chain, normals_are_of_unit_length_on_every_level) {
  const auto image = image_of(32, 32, [](auto x, auto y) {
    const auto a = x * 0.7, b = y * 0.9;
    return rgba{static_cast<unsigned>(std::cos(a) * 90 + 127), static_cast<unsigned>(std::sin(b) * 80 + 127),
                200, 255};
  });
  const auto levels = levels_of(image, {.meaning = texel_meaning::normal});
  for (std::size_t level = 1; level < levels.size(); ++level)
    for (std::size_t i = 0; i < levels[level].pixels.size(); i += 4) {
      double sum = 0;
      for (std::size_t c = 0; c < 3; ++c) sum += std::pow(levels[level].pixels[i + c] / 127.5 - 1, 2);
      EXPECT_NEAR(std::sqrt(sum), 1, 0.01) << level;
    }
}

TEST(mip_chain, a_largest_side_drops_the_first_levels) {
  const auto image = test::some_image(100, 40);
  const auto all = levels_of(image, {}), small = levels_of(image, {.side_max = 32});
  ASSERT_EQ(small.size(), all.size() - 2);
  EXPECT_EQ(small[0].width, 25u);
  EXPECT_EQ(small[0].pixels, all[2].pixels);
  EXPECT_EQ(levels_of(image, {.mips = false}).size(), 1u);
  EXPECT_EQ(levels_of(image, {.mips = false, .side_max = 50}).at(0).pixels, all[1].pixels);
}

TEST(mip_chain, the_sharper_filter_keeps_more_of_an_edge_and_blurs_no_flat_part) {
  const auto image = image_of(64, 8, [](auto x, auto) {
    const unsigned v = x < 31 ? 0 : 200;
    return rgba{v, v, v, 255};
  });
  const auto level = levels_of(image, {.meaning = texel_meaning::data}).at(1);
  EXPECT_EQ(level.row(0)[0], 0);
  EXPECT_EQ(level.row(0)[4 * 31], 200);
  EXPECT_GT(level.row(0)[4 * 16], 200);  // it overshoots, as a sinc does
}

TEST(mip_chain, taps_sum_to_one_and_cover_all_of_an_odd_side) {
  for (const auto filter : filters)
    for (const std::uint32_t from : {2u, 3u, 5u, 64u, 101u, 4358u}) {
      const auto taps = taps_of(from, side_at(from, 1), filter);
      std::vector<double> used(from);
      for (std::uint32_t i = 0; i < side_at(from, 1); ++i) {
        double sum = 0;
        for (std::size_t k = 0; k < taps.count; ++k) {
          sum += taps.weights_of(i)[k];
          const auto at = taps.first_of(i) + static_cast<std::int64_t>(k);
          if (at >= 0 && at < from) used[static_cast<std::size_t>(at)] += taps.weights_of(i)[k];
        }
        EXPECT_NEAR(sum, 1, 1e-5) << from;
      }
      if (filter != mip_filter::box) continue;
      for (const auto weight : used) EXPECT_NEAR(weight, static_cast<double>(side_at(from, 1)) / from, 1e-4);
    }
}

TEST(mip_chain, every_instruction_set_gives_the_same_pixels) {
  for (const auto meaning : {texel_meaning::colour, texel_meaning::data, texel_meaning::normal})
    for (const auto filter : filters) {
      const auto image = test::some_image(75, 42, true);
      const mip_options options{.meaning = meaning, .alpha = true, .filter = filter, .alpha_coverage = 0.3};
      std::vector<std::vector<rgba_image>> all;
      for (const auto target : simd_targets()) {
        ASSERT_TRUE(force_simd_target(target));
        all.push_back(levels_of(image, options));
      }
      release_simd_target();
      for (const auto& one : all)
        for (std::size_t level = 0; level < one.size(); ++level)
          EXPECT_EQ(one[level].pixels, all[0][level].pixels);
    }
}

}  // namespace
}  // namespace graphite
