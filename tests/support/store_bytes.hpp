#pragma once

#include <random>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite::test {

/// A content made from a seed, with its chunks and name.
struct sample_content {
  byte_vector bytes;
  chunk_list chunks;
  content_ref ref;
};

inline sample_content make_content(std::uint64_t seed, std::size_t size) {
  sample_content out;
  out.bytes.resize(size);
  std::mt19937_64 random(seed);
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (i % 8 == 0) word = random();
    out.bytes[i] = static_cast<std::byte>(word >> (i % 8 * 8));
  }
  const openssl_hasher hash;
  out.chunks = chunk_bytes(out.bytes, hash);
  out.ref = content_of(out.chunks, hash);
  return out;
}

}  // namespace graphite::test
