#include "core/platform_facts.hpp"

#include <gtest/gtest.h>

#include "bindings/c/graphite_platform.h"

namespace graphite {
namespace {

// tests/bindings/platform_macros.py holds the two together for other platforms; this is the one that runs.

constexpr platform_kind platform_of_macros() {
#if defined(GRAPHITE_PLATFORM_LINUX)
  return platform_kind::linux_;
#elif defined(GRAPHITE_PLATFORM_ANDROID)
  return platform_kind::android;
#else
  return platform_kind::unknown;
#endif
}

constexpr architecture_kind architecture_of_macros() {
#if defined(GRAPHITE_ARCH_X64)
  return architecture_kind::x64;
#elif defined(GRAPHITE_ARCH_X86)
  return architecture_kind::x86;
#elif defined(GRAPHITE_ARCH_ARM64)
  return architecture_kind::arm64;
#elif defined(GRAPHITE_ARCH_ARM32)
  return architecture_kind::arm32;
#elif defined(GRAPHITE_ARCH_RISCV64)
  return architecture_kind::riscv64;
#else
  return architecture_kind::unknown;
#endif
}

TEST(platform_facts, are_those_of_the_macros) {
  static_assert(this_platform == platform_of_macros());
  static_assert(this_architecture == architecture_of_macros());
  static_assert((this_byte_order == std::endian::little) == (GRAPHITE_LITTLE_ENDIAN != 0));
  static_assert(GRAPHITE_BIG_ENDIAN != GRAPHITE_LITTLE_ENDIAN);
  static_assert(cache_line_bytes_guess == GRAPHITE_CACHE_LINE_SIZE);
  static_assert(page_bytes_guess == GRAPHITE_PAGE_SIZE);
  static_assert(to_string(this_platform) != "unknown");
}

TEST(platform_facts, the_byte_order_is_that_of_memory) {
  const std::uint16_t one = 1;
  unsigned char first = 0;
  std::memcpy(&first, &one, 1);
  EXPECT_EQ(graphite_is_little_endian(), first == 1);
}

TEST(platform_facts, each_kind_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (const auto kind :
       {platform_kind::unknown, platform_kind::windows, platform_kind::linux_, platform_kind::android,
        platform_kind::macos, platform_kind::ios, platform_kind::web})
    names.insert(to_string(kind));
  EXPECT_EQ(names.size(), 7u);
  names.clear();
  for (const auto kind :
       {architecture_kind::unknown, architecture_kind::x64, architecture_kind::x86, architecture_kind::arm64,
        architecture_kind::arm32, architecture_kind::riscv64, architecture_kind::wasm})
    names.insert(to_string(kind));
  EXPECT_EQ(names.size(), 7u);
}

}  // namespace
}  // namespace graphite
