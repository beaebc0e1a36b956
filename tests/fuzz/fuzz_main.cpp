#include "tests/fuzz/targets.hpp"

// One program a target: GRAPHITE_FUZZ_TARGET names the function.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)graphite::fuzz::GRAPHITE_FUZZ_TARGET({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
