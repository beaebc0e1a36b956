#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__APPLE__)
#include <TargetConditionals.h>
#endif

namespace graphite {

/// \file What this program was compiled for. `bindings/c/graphite_platform.h` has the same as macros, decided
/// by the same rules; a test holds the two together.

/// The particular before the general: Android is Linux, too, and iOS (with its kin and Mac Catalyst) Apple's.
enum class platform_kind : std::uint8_t { unknown, windows, linux_, android, macos, ios, web };
/// Of the instructions, not of the width of pointers.
enum class architecture_kind : std::uint8_t { unknown, x64, x86, arm64, arm32, riscv64, wasm };

#if defined(__EMSCRIPTEN__)
inline constexpr auto this_platform = platform_kind::web;
#elif defined(_WIN32)
inline constexpr auto this_platform = platform_kind::windows;
#elif defined(__ANDROID__)
inline constexpr auto this_platform = platform_kind::android;
#elif defined(__linux__)
inline constexpr auto this_platform = platform_kind::linux_;
#elif defined(__APPLE__) && TARGET_OS_IPHONE
inline constexpr auto this_platform = platform_kind::ios;
#elif defined(__APPLE__) && TARGET_OS_MAC
inline constexpr auto this_platform = platform_kind::macos;
#else
inline constexpr auto this_platform = platform_kind::unknown;
#endif

#if defined(_M_ARM64) || defined(_M_ARM64EC) || defined(__aarch64__)
inline constexpr auto this_architecture = architecture_kind::arm64;
#elif defined(_M_X64) || defined(__x86_64__)
inline constexpr auto this_architecture = architecture_kind::x64;
#elif defined(_M_IX86) || defined(__i386__)
inline constexpr auto this_architecture = architecture_kind::x86;
#elif defined(_M_ARM) || defined(__arm__)
inline constexpr auto this_architecture = architecture_kind::arm32;
#elif defined(__riscv) && __riscv_xlen == 64
inline constexpr auto this_architecture = architecture_kind::riscv64;
#elif defined(__wasm__)
inline constexpr auto this_architecture = architecture_kind::wasm;
#else
inline constexpr auto this_architecture = architecture_kind::unknown;
#endif

inline constexpr std::endian this_byte_order = std::endian::native;
static_assert(this_byte_order == std::endian::little || this_byte_order == std::endian::big,
              "neither little nor big endian");

inline constexpr bool is_apple = this_platform == platform_kind::macos || this_platform == platform_kind::ios;

/// How far apart two threads' data should be, where that has to be constant; `read_memory_facts()` has what
/// this machine's lines are.
inline constexpr std::size_t cache_line_bytes_guess =
    is_apple && this_architecture == architecture_kind::arm64 ? 128
    : this_architecture == architecture_kind::arm32           ? 32
                                                              : 64;
/// What a page has at least, where that has to be constant.
inline constexpr std::size_t page_bytes_guess = is_apple && this_architecture == architecture_kind::arm64
                                                    ? 16'384
                                                : this_architecture == architecture_kind::wasm ? 65'536
                                                                                               : 4'096;

/// Stable lower-case names, for `doctor` and JSON.
constexpr std::string_view to_string(platform_kind kind) {
  switch (kind) {
    case platform_kind::windows:
      return "windows";
    case platform_kind::linux_:
      return "linux";
    case platform_kind::android:
      return "android";
    case platform_kind::macos:
      return "macos";
    case platform_kind::ios:
      return "ios";
    case platform_kind::web:
      return "web";
    case platform_kind::unknown:
      break;
  }
  return "unknown";
}
constexpr std::string_view to_string(architecture_kind kind) {
  switch (kind) {
    case architecture_kind::x64:
      return "x64";
    case architecture_kind::x86:
      return "x86";
    case architecture_kind::arm64:
      return "arm64";
    case architecture_kind::arm32:
      return "arm32";
    case architecture_kind::riscv64:
      return "riscv64";
    case architecture_kind::wasm:
      return "wasm";
    case architecture_kind::unknown:
      break;
  }
  return "unknown";
}

}  // namespace graphite
