#pragma once

#include <array>
#include <cstdint>

namespace graphite {

/// Byte `Of()(i)` for each i, in memory that a vector of 64 bytes is loaded from: where permutations take
/// their bytes.
template <class Of>
struct byte_pattern {
  alignas(64) static constexpr std::array<std::uint8_t, 64> bytes = [] {
    std::array<std::uint8_t, 64> out{};
    for (unsigned i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(Of{}(i));
    return out;
  }();
};

}  // namespace graphite
