#include "kernels/simd_target.hpp"

#include <hwy/highway.h>
#include <hwy/targets.h>

#include <array>
#include <atomic>
#include <utility>

namespace graphite {

namespace {

std::atomic<bool> scalar_forced{false};

using named_target = std::pair<std::string_view, std::int64_t>;

constexpr std::array vector_targets{
    named_target{"ssse3", HWY_SSSE3}, named_target{"sse4", HWY_SSE4},       named_target{"avx2", HWY_AVX2},
    named_target{"avx3", HWY_AVX3},   named_target{"avx3_dl", HWY_AVX3_DL},
};

void choose(std::int64_t mask) {
  hwy::SetSupportedTargetsForTest(mask);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

std::int64_t available() {
  hwy::SetSupportedTargetsForTest(0);
  return hwy::SupportedTargets() & HWY_TARGETS;
}

}  // namespace

result<void> force_simd_target(std::string_view name) {
  if (name == "scalar" || name == "sse2") {
    scalar_forced = true;
    return {};
  }
  for (const auto& [known, mask] : vector_targets) {
    if (known != name) continue;
    if ((available() & mask) == 0)
      return fail(errc::unsupported, "no " + std::string(name) + " on this machine");
    scalar_forced = false;
    choose(mask);
    return {};
  }
  return fail(errc::invalid_argument, "no instruction set '" + std::string(name) +
                                          "': scalar, sse2, ssse3, sse4, avx2, avx3 or avx3_dl");
}

void release_simd_target() {
  scalar_forced = false;
  choose(0);
}

bool simd_is_scalar() { return scalar_forced; }

std::vector<std::string_view> simd_targets() {
  std::vector<std::string_view> out{"scalar"};
  const auto have = available();
  for (const auto& [name, mask] : vector_targets)
    if ((have & mask) != 0) out.push_back(name);
  return out;
}

}  // namespace graphite
