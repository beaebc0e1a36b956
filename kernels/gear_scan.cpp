#include "kernels/gear_scan.hpp"

#include <algorithm>
#include <array>

namespace graphite {

namespace {

/// 256 fixed random words: splitmix64 (Steele, Lea, Flood 2014) from a seed that is part of the format.
constexpr std::array<std::uint64_t, 256> make_gear() {
  std::array<std::uint64_t, 256> out{};
  std::uint64_t state = 0x6772617068697465;  // "graphite"
  for (auto& word : out) {
    state += 0x9e3779b97f4a7c15;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
  return out;
}

constexpr auto gear = make_gear();

// "The top n bits are zero" is one comparison, and the top bits have seen the most bytes.
constexpr std::uint64_t bound_before_normal = std::uint64_t{1} << (64 - 18);
constexpr std::uint64_t bound_after_normal = std::uint64_t{1} << (64 - 14);

/// Where the hash stands: `at` bytes of the chunk are in it.
struct position {
  std::size_t at;
  std::uint64_t hash;
};

/// Rolls on to `end` byte by byte; true where a cut was found, then `from.at` is the chunk's length.
bool roll_single(const unsigned char* data, position& from, std::size_t end, std::uint64_t bound) {
  auto [at, hash] = from;
  for (; at < end; ++at) {
    hash = (hash << 1) + gear[data[at]];
    if (hash < bound) return from = {at + 1, hash}, true;
  }
  from = {at, hash};
  return false;
}

// Of 2 to 16 bytes a turn, this many were the fastest.
constexpr std::size_t bytes_a_turn = 16;

/// The same. What two bytes add is summed beside the hash, which waits for one shift and addition a pair.
bool roll_pairs(const unsigned char* data, position& from, std::size_t end, std::uint64_t bound) {
  auto [at, hash] = from;
  for (; at + bytes_a_turn <= end; at += bytes_a_turn)
    for (std::size_t i = 0; i < bytes_a_turn; i += 2) {
      const auto added = gear[data[at + i]];
      const auto first = (hash << 1) + added;
      hash = (hash << 2) + ((added << 1) + gear[data[at + i + 1]]);
      if (first < bound) return from = {at + i + 1, first}, true;
      if (hash < bound) return from = {at + i + 2, hash}, true;
    }
  from = {at, hash};
  return roll_single(data, from, end, bound);
}

/// The first bound up to the normal size, the second one after it.
template <typename Roll>
std::size_t cut_by(Roll roll, byte_span bytes) {
  const auto size = std::min(bytes.size(), chunk_bytes_max);
  if (size <= chunk_bytes_min) return size;
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  position where{chunk_bytes_min, 0};
  if (roll(data, where, std::min(size, chunk_bytes_normal), bound_before_normal)) return where.at;
  roll(data, where, size, bound_after_normal);
  return where.at;
}

}  // namespace

std::size_t gear_cut(byte_span bytes) { return cut_by(roll_pairs, bytes); }

std::size_t gear_cut_scalar(byte_span bytes) { return cut_by(roll_single, bytes); }

}  // namespace graphite
