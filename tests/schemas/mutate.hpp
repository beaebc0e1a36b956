#pragma once

#include <random>

#include "core/digest.hpp"

namespace graphite::test {

/// Calls `decode` with every truncation of `good`, with every byte flipped in three ways, and with
/// `random_rounds` random overwrites of up to eight bytes.
template <class Decode>
void mutate(const byte_vector& good, std::size_t random_rounds, Decode&& decode) {
  for (std::size_t size = 0; size < good.size(); ++size) decode(byte_span(good).first(size));
  for (std::size_t at = 0; at < good.size(); ++at)
    for (const unsigned mask : {0x01u, 0x80u, 0xffu}) {
      byte_vector bad = good;
      bad[at] ^= static_cast<std::byte>(mask);
      decode(byte_span(bad));
    }
  std::mt19937_64 rng(7);
  for (std::size_t round = 0; round < random_rounds; ++round) {
    byte_vector bad = good;
    for (std::size_t i = rng() % 8 + 1; i > 0; --i) bad[rng() % bad.size()] = static_cast<std::byte>(rng());
    decode(byte_span(bad));
  }
}

inline digest digest_of_number(unsigned n) {
  digest out;
  for (std::size_t i = 0; i < out.bytes.size(); ++i) out.bytes[i] = static_cast<std::uint8_t>(n * 31 + i + 1);
  return out;
}

inline byte_vector bytes_of(std::string_view text) {
  const byte_span span = as_bytes(text);
  return {span.begin(), span.end()};
}

}  // namespace graphite::test
