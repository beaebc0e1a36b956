#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "tests/kernels/guarded_bytes.hpp"

namespace graphite::test {

/// Equal bits; any NaN is like another.
inline bool same_numbers(std::span<const float> a, std::span<const float> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float left, float right) {
    return std::bit_cast<std::uint32_t>(left) == std::bit_cast<std::uint32_t>(right) ||
           (std::isnan(left) && std::isnan(right));
  });
}

/// Items anywhere in memory, with some of nobody's on both sides. A copy lies as far into its memory.
template <typename Item>
struct placed {
  static constexpr std::size_t margin = 16;
  std::vector<Item> all;
  std::size_t offset = 0;

  Item* data() { return all.data() + margin + offset; }
  const Item* data() const { return all.data() + margin + offset; }
};

/// What kernels are given, all of it by one seed.
class random_rows {
 public:
  explicit random_rows(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }

  /// A length: short ones are as likely as long ones.
  std::size_t count() { return below(2) == 0 ? below(70) : below(3000); }

  /// Of all kinds: most are near zero, some are any float, some are those that arithmetic stumbles on.
  float value() {
    using limits = std::numeric_limits<float>;
    static constexpr float odd[] = {limits::quiet_NaN(),
                                    limits::infinity(),
                                    limits::max(),
                                    limits::min(),
                                    limits::denorm_min(),
                                    1e-39f,
                                    0.0f,
                                    1.0f,
                                    1e-6f,
                                    88.8f,
                                    3e38f,
                                    0.5f};
    switch (below(16)) {
      case 0:
        return std::copysign(odd[below(std::size(odd))], below(2) == 0 ? 1.0f : -1.0f);
      case 1:
        return std::bit_cast<float>(static_cast<std::uint32_t>(random_()));
      default:
        return tame();
    }
  }

  /// -1 … 2
  float tame() { return static_cast<float>(below(300'007)) / 100'003.0f - 1.0f; }

  /// `count` floats, 0 … 15 after where a vector might begin; of all kinds, or in every second row tame ones.
  placed<float> row(std::size_t count) {
    const bool wild = below(2) == 0;
    auto out = somewhere<float>(count);
    for (auto& one : out.all) one = wild ? value() : tame();
    return out;
  }

  /// `count` bytes, 0 … 15 after where a vector might begin.
  placed<std::uint8_t> bytes(std::size_t count) {
    auto out = somewhere<std::uint8_t>(count);
    for (auto& one : out.all) one = static_cast<std::uint8_t>(random_());
    return out;
  }

 private:
  template <typename Item>
  placed<Item> somewhere(std::size_t count) {
    placed<Item> out;
    out.offset = below(16);
    out.all.resize(count + out.offset + 2 * placed<Item>::margin);
    return out;
  }

  std::mt19937_64 random_;
};

/// `count` floats right behind the first page that nobody may touch, or right before the last one.
inline float* floats_at(guarded_bytes& memory, std::size_t count, bool at_end) {
  const auto bytes = at_end ? memory.last(4 * count) : memory.first(4 * count);
  return reinterpret_cast<float*>(bytes.data());
}

}  // namespace graphite::test
