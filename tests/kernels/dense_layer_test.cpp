#include "kernels/dense_layer.hpp"

#include <cmath>
#include <limits>

#include "tests/kernels/every_target.hpp"
#include "tests/kernels/guarded_bytes.hpp"
#include "tests/kernels/random_rows.hpp"

namespace graphite {
namespace {

using numbers = std::vector<float>;

numbers some_numbers(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  numbers out(count);
  for (auto& value : out) value = static_cast<float>(random() % 20'011) / 9'973.0f - 1.0f;
  return out;
}

constexpr activation activations[] = {activation::identity, activation::relu, activation::sigmoid,
                                      activation::tanh};

class dense_layer_kernel : public test::every_target {
 protected:
  /// Made by the kernel and by its twin.
  static void expect_same(std::size_t inputs, std::size_t outputs, std::size_t batch, const numbers& in) {
    const auto weights = some_numbers(inputs * outputs, 1), bias = some_numbers(outputs, 2);
    for (const auto act : activations) {
      const dense_layer layer{inputs, outputs, weights.data(), bias.data(), act};
      numbers fast(outputs * batch), plain(outputs * batch);
      apply_dense(layer, in.data(), fast.data(), batch);
      scalar::apply_dense(layer, in.data(), plain.data(), batch);
      ASSERT_TRUE(test::same_numbers(fast, plain)) << inputs << " to " << outputs << ", batch " << batch;
    }
  }
};

TEST_P(dense_layer_kernel, all_sizes_have_the_bits_of_the_twin) {
  for (std::size_t outputs : {1u, 2u, 3u, 4u, 5u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 33u, 64u, 100u, 128u})
    for (const std::size_t inputs : {0u, 1u, 8u, 37u})
      for (const std::size_t batch : {0u, 1u, 3u, 4u, 9u})
        expect_same(inputs, outputs, batch, some_numbers(inputs * batch, 3));
}

TEST_P(dense_layer_kernel, what_is_not_finite_goes_where_the_twin_has_it) {
  constexpr auto infinite = std::numeric_limits<float>::infinity();
  auto in = some_numbers(8 * 6, 4);
  in[0] = std::numeric_limits<float>::quiet_NaN();
  in[9] = infinite;
  in[18] = -infinite;
  in[27] = std::numeric_limits<float>::max();
  in[36] = std::numeric_limits<float>::denorm_min();
  in[45] = -0.0f;
  for (const std::size_t outputs : {3u, 8u, 33u}) expect_same(8, outputs, 6, in);
}

TEST_P(dense_layer_kernel, values_are_those_that_the_header_states) {
  const numbers weights{1, 2, 3, 4, 5, 6}, bias{0.5f, -100, 0}, in{1, 10};
  numbers out(3);
  apply_dense({2, 3, weights.data(), bias.data(), activation::relu}, in.data(), out.data(), 1);
  EXPECT_EQ(out, (numbers{41.5f, 0, 63}));
  apply_dense({2, 3, weights.data(), bias.data(), activation::identity}, in.data(), out.data(), 1);
  EXPECT_EQ(out, (numbers{41.5f, -48, 63}));
}

TEST_P(dense_layer_kernel, sigmoid_and_tanh_are_near_the_exact_ones_and_within_their_limits) {
  numbers in;
  for (int i = -4000; i <= 4000; ++i) in.push_back(static_cast<float>(i) / 40);
  for (const float one : {1e30f, -1e30f, 1e-30f, 88.8f, -88.8f}) in.push_back(one);
  in.push_back(std::numeric_limits<float>::infinity());
  in.push_back(-std::numeric_limits<float>::infinity());
  in.push_back(std::numeric_limits<float>::quiet_NaN());
  const numbers weight(16, 1.0f), bias(16, 0.0f);
  for (const auto act : {activation::sigmoid, activation::tanh}) {
    numbers out(16 * in.size());
    apply_dense({1, 16, weight.data(), bias.data(), act}, in.data(), out.data(), in.size());
    for (std::size_t i = 0; i + 1 < in.size(); ++i) {
      const double x = in[i];
      const auto exact = act == activation::tanh ? std::tanh(x) : 1 / (1 + std::exp(-x));
      ASSERT_NEAR(out[16 * i + 5], exact, act == activation::tanh ? 2e-7 : 1e-7) << x;
      ASSERT_LE(out[16 * i], 1.0f);
      ASSERT_GE(out[16 * i], act == activation::tanh ? -1.0f : 0.0f);
    }
    EXPECT_TRUE(std::isnan(out.back()));
  }
}

TEST_P(dense_layer_kernel, random_layers_are_applied_as_by_the_twin) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    test::random_rows random(seed);
    const auto inputs = random.below(40), batch = random.below(12);
    const auto outputs = random.below(20) == 0 ? random.below(2000) : random.below(150);
    const auto weights = random.row(inputs * outputs), bias = random.row(outputs),
               in = random.row(inputs * batch);
    auto fast = random.row(outputs * batch), plain = fast;
    const dense_layer layer{inputs, outputs, weights.data(), bias.data(),
                            activations[random.below(std::size(activations))]};
    apply_dense(layer, in.data(), fast.data(), batch);
    scalar::apply_dense(layer, in.data(), plain.data(), batch);
    ASSERT_TRUE(test::same_numbers(fast.all, plain.all))
        << "seed " << seed << ": " << inputs << " to " << outputs << ", batch " << batch;
  }
}

TEST_P(dense_layer_kernel, random_sums_are_activated_as_by_the_twin) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    test::random_rows random(seed);
    const auto outputs = random.count();
    const auto sums = random.row(outputs);
    for (const auto act : activations) {
      auto fast = random.row(outputs), plain = fast;
      const dense_layer layer{0, outputs, nullptr, sums.data(), act};
      apply_dense(layer, nullptr, fast.data(), 1);
      scalar::apply_dense(layer, nullptr, plain.data(), 1);
      ASSERT_TRUE(test::same_numbers(fast.all, plain.all)) << "seed " << seed << ": " << outputs;
    }
  }
}

TEST_P(dense_layer_kernel, nothing_outside_the_matrices_is_read_or_written) {
  test::guarded_bytes weights(32'768), bias(1024), in(4096), out(8192);
  constexpr std::size_t inputs = 9;
  for (std::size_t outputs = 1; outputs <= 70; ++outputs)
    for (const std::size_t batch : {1u, 4u, 5u})
      for (const bool at_end : {false, true}) {
        const dense_layer layer{inputs, outputs, test::floats_at(weights, inputs * outputs, at_end),
                                test::floats_at(bias, outputs, at_end), activation::sigmoid};
        auto* const to = test::floats_at(out, outputs * batch, at_end);
        apply_dense(layer, test::floats_at(in, inputs * batch, at_end), to, batch);
        ASSERT_EQ(to[outputs * batch - 1], 0.5f) << outputs;
      }
}

INSTANTIATE_TEST_SUITE_P(every, dense_layer_kernel, testing::ValuesIn(simd_targets()), test::name_of_target);

}  // namespace
}  // namespace graphite
