#include "cli/simd_choice.hpp"

#include <cstdlib>

#include "kernels/simd_target.hpp"

namespace graphite {

result<void> choose_simd_target() {
  const char* const wanted = std::getenv("GRAPHITE_SIMD");
  if (wanted == nullptr || *wanted == '\0') return {};
  const auto chosen = force_simd_target(wanted);
  if (chosen) return {};
  return fail(chosen.error().code, "GRAPHITE_SIMD: " + chosen.error().context);
}

}  // namespace graphite
