#include "kernels/block_statistics.hpp"

#include "tests/kernels/every_target.hpp"
#include "tests/kernels/guarded_bytes.hpp"
#include "tests/kernels/random_rows.hpp"

namespace graphite {
namespace {

using all_blocks = std::vector<block_statistics>;

all_blocks made(const std::uint8_t* rgba, std::size_t width, std::size_t height) {
  all_blocks out(blocks_along(width) * blocks_along(height));
  block_statistics_of(rgba, width, height, out);
  return out;
}

all_blocks plain(const std::uint8_t* rgba, std::size_t width, std::size_t height) {
  all_blocks out(blocks_along(width) * blocks_along(height));
  scalar::block_statistics_of(rgba, width, height, out);
  return out;
}

std::vector<std::uint8_t> pixels(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> out(4 * count);
  for (auto& one : out) one = static_cast<std::uint8_t>(random());
  return out;
}

class block_statistics_kernel : public test::every_target {};

TEST_P(block_statistics_kernel, all_sizes_have_the_numbers_of_the_twin) {
  for (std::size_t width = 0; width <= 37; ++width)
    for (std::size_t height = 0; height <= 9; ++height) {
      const auto picture = pixels(width * height + 1, static_cast<unsigned>(width));
      for (const std::size_t from : {0u, 1u})
        ASSERT_TRUE(made(picture.data() + from, width, height) == plain(picture.data() + from, width, height))
            << width << " x " << height;
    }
}

TEST_P(block_statistics_kernel, random_pictures_have_the_numbers_of_the_twin) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    test::random_rows random(seed);
    const auto width = random.below(2) == 0 ? random.below(40) : random.below(1000),
               height = random.below(14);
    auto picture = random.bytes(4 * width * height);
    // Few different bytes, mostly: blocks whose least and most are the same, and the greatest sums.
    const auto kept = static_cast<std::uint8_t>(random.below(256));
    for (auto& one : picture.all) one = random.below(4) == 0 ? one : kept | (one & 0x80);
    ASSERT_TRUE(made(picture.data(), width, height) == plain(picture.data(), width, height))
        << "seed " << seed << ": " << width << " x " << height;
  }
}

TEST_P(block_statistics_kernel, the_greatest_sums_fit) {
  const std::vector<std::uint8_t> white(4 * 16 * 8, 255);
  for (const auto& block : made(white.data(), 16, 8)) {
    const block_statistics expected{{255, 255, 255, 255},
                                    {255, 255, 255, 255},
                                    {4080, 4080, 4080, 4080},
                                    {1'040'400, 1'040'400, 1'040'400, 1'040'400}};
    EXPECT_TRUE(block == expected);
  }
}

TEST_P(block_statistics_kernel, channels_stay_apart_and_edges_count_what_is_there) {
  std::vector<std::uint8_t> picture;
  for (std::uint8_t y = 0; y < 5; ++y)
    for (std::uint8_t x = 0; x < 9; ++x)
      picture.insert(picture.end(), {x, y, 7, static_cast<std::uint8_t>(x + y)});
  const auto blocks = made(picture.data(), 9, 5);
  ASSERT_EQ(blocks.size(), 6u);
  EXPECT_TRUE(
      (blocks[1] == block_statistics{{4, 0, 7, 4}, {7, 3, 7, 10}, {88, 24, 112, 112}, {504, 56, 784, 824}}));
  EXPECT_TRUE(
      (blocks[5] == block_statistics{{8, 4, 7, 12}, {8, 4, 7, 12}, {8, 4, 7, 12}, {64, 16, 49, 144}}));
}

TEST_P(block_statistics_kernel, nothing_outside_the_pixels_is_read_and_nothing_beside_the_blocks_written) {
  test::guarded_bytes memory(8192), results(4096);
  for (std::size_t width = 1; width <= 40; ++width)
    for (const std::size_t height : {1u, 4u, 7u, 8u})
      for (const bool at_end : {false, true}) {
        const auto size = 4 * width * height, count = blocks_along(width) * blocks_along(height),
                   room = count * sizeof(block_statistics);
        const auto bytes = at_end ? memory.last(size) : memory.first(size);
        auto* const to = (at_end ? results.last(room) : results.first(room)).data();
        const std::span blocks(reinterpret_cast<block_statistics*>(to), count);
        blocks.back().most[0] = 1;
        block_statistics_of(reinterpret_cast<const std::uint8_t*>(bytes.data()), width, height, blocks);
        ASSERT_EQ(blocks.back().most[0], 0) << width << " x " << height;
      }
}

INSTANTIATE_TEST_SUITE_P(every, block_statistics_kernel, testing::ValuesIn(simd_targets()),
                         test::name_of_target);

}  // namespace
}  // namespace graphite
