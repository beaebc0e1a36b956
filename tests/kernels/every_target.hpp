#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "kernels/simd_target.hpp"

namespace graphite::test {

/// Runs its tests with every instruction set of this machine.
class every_target : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_simd_target(GetParam())); }
  void TearDown() override { release_simd_target(); }
};

inline std::string name_of_target(const testing::TestParamInfo<std::string_view>& info) {
  return std::string(info.param);
}

inline std::vector<std::byte> kernel_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> out(size);
  for (auto& one : out) one = static_cast<std::byte>(random());
  return out;
}

}  // namespace graphite::test
