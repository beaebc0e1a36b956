#include "kernels/simd_capabilities.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

constexpr std::uint32_t sse2 = 1u << 26;
constexpr std::uint32_t sse4_1 = 1u << 19, osxsave = 1u << 27, avx = 1u << 28;
constexpr std::uint32_t avx2 = 1u << 5, avx512f = 1u << 16;
constexpr std::uint64_t saves_sse = 0x3, saves_ymm = 0x7, saves_zmm = 0xe7;

/// A processor with everything and a system that saves everything.
cpuid_words whole_machine() { return {13, sse4_1 | osxsave | avx, sse2, avx2 | avx512f, saves_zmm}; }

TEST(simd_capabilities, of_a_machine_with_everything_are_all_of_x86) {
  EXPECT_EQ(capabilities_of(whole_machine()),
            (simd_capabilities{true, true, true, true, true, false, false}));
}

TEST(simd_capabilities, of_nothing_are_none) { EXPECT_EQ(capabilities_of({}), simd_capabilities{}); }

TEST(simd_capabilities, without_osxsave_nothing_is_wide_whatever_xcr0_holds) {
  auto words = whole_machine();
  words.leaf_1_ecx &= ~osxsave;
  EXPECT_EQ(capabilities_of(words), (simd_capabilities{.sse2 = true, .sse4 = true}));
}

TEST(simd_capabilities, a_system_that_saves_ymm_only_has_no_avx512) {
  auto words = whole_machine();
  words.xcr0 = saves_ymm;
  EXPECT_EQ(capabilities_of(words),
            (simd_capabilities{.sse2 = true, .sse4 = true, .avx = true, .avx2 = true}));
}

TEST(simd_capabilities, each_part_of_the_state_must_be_saved) {
  for (const auto bit : {5, 6, 7}) {
    auto words = whole_machine();
    words.xcr0 &= ~(std::uint64_t{1} << bit);
    EXPECT_TRUE(capabilities_of(words).avx2) << bit;
    EXPECT_FALSE(capabilities_of(words).avx512) << bit;
  }
  for (const auto bit : {1, 2}) {
    auto words = whole_machine();
    words.xcr0 &= ~(std::uint64_t{1} << bit);
    EXPECT_FALSE(capabilities_of(words).avx) << bit;
    EXPECT_FALSE(capabilities_of(words).avx512) << bit;
  }
}

TEST(simd_capabilities, a_system_that_saves_sse_only_has_nothing_wide) {
  auto words = whole_machine();
  words.xcr0 = saves_sse;
  EXPECT_EQ(capabilities_of(words), (simd_capabilities{.sse2 = true, .sse4 = true}));
}

TEST(simd_capabilities, of_processors_of_several_ages) {
  cpuid_words old{1, 0, sse2, 0, 0};
  EXPECT_EQ(capabilities_of(old), simd_capabilities{.sse2 = true});
  cpuid_words with_avx{13, sse4_1 | osxsave | avx, sse2, 0, saves_ymm};
  EXPECT_EQ(capabilities_of(with_avx), (simd_capabilities{.sse2 = true, .sse4 = true, .avx = true}));
  // What leaf 7 holds counts only where there is a leaf 7.
  auto short_list = whole_machine();
  short_list.leaf_max = 6;
  EXPECT_EQ(capabilities_of(short_list), (simd_capabilities{.sse2 = true, .sse4 = true, .avx = true}));
  // A hypervisor that hides AVX but not what builds on it.
  auto masked = whole_machine();
  masked.leaf_1_ecx &= ~avx;
  EXPECT_EQ(capabilities_of(masked), (simd_capabilities{.sse2 = true, .sse4 = true}));
}

TEST(simd_capabilities, of_this_machine_are_those_that_the_compiler_s_library_finds) {
  const auto here = detect_simd_capabilities();
#if defined(__x86_64__)
  __builtin_cpu_init();
  EXPECT_TRUE(here.sse2);
  EXPECT_EQ(here.sse4, __builtin_cpu_supports("sse4.1") != 0);
  EXPECT_EQ(here.avx, __builtin_cpu_supports("avx") != 0);
  EXPECT_EQ(here.avx2, __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(here.avx512, __builtin_cpu_supports("avx512f") != 0);
  EXPECT_FALSE(here.neon || here.neon64);
#elif defined(__aarch64__)
  EXPECT_TRUE(here.neon && here.neon64);
#endif
}

}  // namespace
}  // namespace graphite
