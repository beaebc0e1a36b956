#include "kernels/simd_capabilities.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace graphite {

namespace {

constexpr std::uint32_t edx_sse2 = 1u << 26;
constexpr std::uint32_t ecx_sse4_1 = 1u << 19, ecx_osxsave = 1u << 27, ecx_avx = 1u << 28;
constexpr std::uint32_t ebx_avx2 = 1u << 5, ebx_avx512f = 1u << 16;
// The state of SSE and the upper halves of YMM; masks, upper halves of ZMM, the upper sixteen ZMM.
constexpr std::uint64_t saved_ymm = 0b110, saved_zmm = 0b1110'0110;

bool all_of(std::uint64_t word, std::uint64_t bits) { return (word & bits) == bits; }

}  // namespace

simd_capabilities capabilities_of(const cpuid_words& words) {
  simd_capabilities out;
  const auto wide = all_of(words.leaf_1_ecx, ecx_osxsave) ? words.xcr0 : 0;
  const auto extended = words.leaf_max >= 7 ? words.leaf_7_ebx : 0;
  out.sse2 = all_of(words.leaf_1_edx, edx_sse2);
  out.sse4 = out.sse2 && all_of(words.leaf_1_ecx, ecx_sse4_1);
  out.avx = out.sse4 && all_of(words.leaf_1_ecx, ecx_avx) && all_of(wide, saved_ymm);
  out.avx2 = out.avx && all_of(extended, ebx_avx2);
  out.avx512 = out.avx2 && all_of(extended, ebx_avx512f) && all_of(wide, saved_zmm);
  return out;
}

#if defined(__x86_64__) || defined(__i386__)

cpuid_words read_cpuid() {
  cpuid_words out;
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(0, &out.leaf_max, &ebx, &ecx, &edx) == 0) return {};
  if (__get_cpuid(1, &eax, &ebx, &out.leaf_1_ecx, &out.leaf_1_edx) == 0) return out;
  if (out.leaf_max >= 7) __get_cpuid_count(7, 0, &eax, &out.leaf_7_ebx, &ecx, &edx);
  if ((out.leaf_1_ecx & ecx_osxsave) != 0) {
    // Not the intrinsic, which would have the whole file compiled for processors that have XSAVE.
    asm volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    out.xcr0 = std::uint64_t{edx} << 32 | eax;
  }
  return out;
}

simd_capabilities detect_simd_capabilities() { return capabilities_of(read_cpuid()); }

#else

cpuid_words read_cpuid() { return {}; }

simd_capabilities detect_simd_capabilities() {
  simd_capabilities out;
#if defined(__ARM_NEON) || defined(__aarch64__)
  out.neon = true;
#endif
#if defined(__aarch64__)
  out.neon64 = true;
#endif
  return out;
}

#endif

}  // namespace graphite
