#pragma once

#include <memory>
#include <random>
#include <vector>

#include "bundle/byte_io.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite::test {

inline const openssl_hasher& sha() {
  static const openssl_hasher hash;
  return hash;
}

/// The same bytes for the same seed, everywhere.
inline byte_vector random_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  byte_vector out(align_up(size, 8));
  for (std::size_t at = 0; at < out.size(); at += 8) {
    const auto word = random();
    std::memcpy(out.data() + at, &word, 8);
  }
  out.resize(size);
  return out;
}

/// Aligned to a cache line.
inline std::shared_ptr<std::byte> zeros_in_memory(std::uint64_t bytes) {
  struct alignas(64) line {
    std::byte bytes[64];
  };
  const auto lines = std::make_shared<std::vector<line>>(bytes / sizeof(line));
  return {lines, lines->data()->bytes};
}

}  // namespace graphite::test
