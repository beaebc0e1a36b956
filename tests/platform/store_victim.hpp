#pragma once

#include <cstdint>

#include "tests/support/store_bytes.hpp"

namespace graphite::test {

/// The contents that the victim program stores, by number: the test makes the same ones to compare.
inline sample_content victim_content(int number) {
  constexpr std::size_t sizes[] = {300, 5'000, 70'000, 400'000, 1'500'000, 20, 250'000, 4'096};
  return make_content(static_cast<std::uint64_t>(number) + 1,
                      sizes[number % 8] + static_cast<std::size_t>(number));
}

inline constexpr std::uint64_t victim_segment_bytes = 1 << 20;
inline constexpr int victim_rounds = 3;
inline constexpr int victim_contents_a_round = 8;

}  // namespace graphite::test
