#pragma once

#include <cstdint>

namespace graphite {

/// Which vector instructions a program may use here: those that the processor has and whose registers the
/// system keeps for a thread.
struct simd_capabilities {
  bool sse2 = false;
  bool sse4 = false;  ///< SSE 4.1
  bool avx = false;
  bool avx2 = false;
  bool avx512 = false;  ///< its foundation
  bool neon = false;    ///< ARM of 32 or 64 bits
  bool neon64 = false;

  bool operator==(const simd_capabilities&) const = default;
};

/// What an x86 processor and its system say of themselves; zeros elsewhere. Bits as in Intel's manual of the
/// architecture, volume 2A (CPUID) and volume 1, chapter 13 (XCR0).
struct cpuid_words {
  std::uint32_t leaf_max = 0;
  std::uint32_t leaf_1_ecx = 0, leaf_1_edx = 0;
  std::uint32_t leaf_7_ebx = 0;  ///< 0 where leaf_max is below 7
  std::uint64_t xcr0 = 0;        ///< what XGETBV gives; 0 where the system did not enable it
};

/// Of this processor. Executes CPUID, which takes microseconds in a virtual machine: ask once.
cpuid_words read_cpuid();

/// The x86 part of a report. Pure: wide registers count where the processor has the instructions and XCR0
/// says that the system saves all of their state; nothing counts that a narrower set would be missing for.
simd_capabilities capabilities_of(const cpuid_words& words);

/// Of this machine. ARM's are known when compiling.
simd_capabilities detect_simd_capabilities();

}  // namespace graphite
