#include "kernels/sha256_lanes.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "kernels/simd_capabilities.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace graphite {

#if defined(__x86_64__)

namespace {

constexpr std::size_t block_bytes = 64;

alignas(16) constexpr std::uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// The state between blocks, A to H.
using sha_words = std::array<std::uint32_t, 8>;

constexpr sha_words first_words{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/// One message under way: its whole blocks, then the one or two that end it.
class lane {
 public:
  void begin(byte_span message, digest& into) {
    into_ = &into;
    words = first_words;
    const auto rest = message.size() % block_bytes;
    tail_blocks_ = rest + 1 + sizeof(std::uint64_t) <= block_bytes ? 1 : 2;
    tail_.fill(std::byte{0});
    if (rest > 0) std::memcpy(tail_.data(), message.data() + (message.size() - rest), rest);
    tail_[rest] = std::byte{0x80};
    const auto bits = __builtin_bswap64(std::uint64_t{message.size()} * 8);
    std::memcpy(tail_.data() + tail_blocks_ * block_bytes - sizeof bits, &bits, sizeof bits);
    at = message.data();
    blocks = message.size() / block_bytes;
    if (blocks == 0) turn_to_tail();
  }

  /// After `count` blocks were compressed. At the end the digest is written and `blocks` is 0.
  void advance(std::size_t count) {
    at += count * block_bytes;
    blocks -= count;
    if (blocks > 0) return;
    if (tail_blocks_ > 0) return turn_to_tail();
    for (std::size_t i = 0; i < words.size(); ++i) {
      const auto written = __builtin_bswap32(words[i]);
      std::memcpy(into_->bytes.data() + sizeof written * i, &written, sizeof written);
    }
  }

  const std::byte* at = nullptr;
  std::size_t blocks = 0;
  sha_words words;

 private:
  void turn_to_tail() {
    at = tail_.data();
    blocks = std::exchange(tail_blocks_, 0);
  }

  digest* into_ = nullptr;
  std::size_t tail_blocks_ = 0;
  std::array<std::byte, 2 * block_bytes> tail_;
};

#define GRAPHITE_SHA __attribute__((target("sha,sse4.1"), always_inline)) inline

/// The words as the SHA instructions want them, each from the highest.
struct sha_state {
  __m128i abef, cdgh;
};

GRAPHITE_SHA sha_state packed(const sha_words& w) {
  const auto four = [](std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d)
      __attribute__((target("sha,sse4.1"))) {
    return _mm_set_epi32(static_cast<int>(a), static_cast<int>(b), static_cast<int>(c), static_cast<int>(d));
  };
  return {four(w[0], w[1], w[4], w[5]), four(w[2], w[3], w[6], w[7])};
}

GRAPHITE_SHA sha_words unpacked(const sha_state& state) {
  alignas(16) std::uint32_t first[4], second[4];
  _mm_store_si128(reinterpret_cast<__m128i*>(first), state.abef);
  _mm_store_si128(reinterpret_cast<__m128i*>(second), state.cdgh);
  return {first[3], first[2], second[3], second[2], first[1], first[0], second[1], second[0]};
}

GRAPHITE_SHA __m128i big_endian_words(const std::byte* from) {
  const auto order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)), order);
}

/// Four words after the sixteen that are given, the oldest first.
GRAPHITE_SHA __m128i next_words(__m128i a, __m128i b, __m128i c, __m128i d) {
  const auto sum = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4));
  return _mm_sha256msg2_epu32(sum, d);
}

GRAPHITE_SHA void four_rounds(sha_state& state, __m128i words, std::size_t group) {
  const auto constants = _mm_load_si128(reinterpret_cast<const __m128i*>(round_constants + 4 * group));
  const auto sum = _mm_add_epi32(words, constants);
  state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, sum);
  state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

/// `count` blocks of one lane or two, by the SHA extensions.
template <std::size_t lanes>
__attribute__((target("sha,sse4.1"))) void compress(const std::array<lane*, lanes>& of, std::size_t count) {
  std::array<sha_state, lanes> now;
  for (std::size_t l = 0; l < lanes; ++l) now[l] = packed(of[l]->words);
  for (std::size_t block = 0; block < count; ++block) {
    const auto before = now;
    __m128i words[lanes][4];
#pragma GCC unroll 16
    for (std::size_t group = 0; group < 16; ++group) {
#pragma GCC unroll 2
      for (std::size_t l = 0; l < lanes; ++l) {
        auto& last = words[l];
        auto& word = last[group % 4];
        word = group < 4
                   ? big_endian_words(of[l]->at + block * block_bytes + 16 * group)
                   : next_words(word, last[(group + 1) % 4], last[(group + 2) % 4], last[(group + 3) % 4]);
        four_rounds(now[l], word, group);
      }
    }
    for (std::size_t l = 0; l < lanes; ++l) {
      now[l].abef = _mm_add_epi32(now[l].abef, before[l].abef);
      now[l].cdgh = _mm_add_epi32(now[l].cdgh, before[l].cdgh);
    }
  }
  for (std::size_t l = 0; l < lanes; ++l) of[l]->words = unpacked(now[l]);
}

constexpr std::size_t wide = 16;

#define GRAPHITE_WIDE __attribute__((target("avx512f,avx512bw"), always_inline)) inline

/// Rows of sixteen words become columns: pairs of words, of pairs and of halves change places.
GRAPHITE_WIDE void transpose(__m512i (&rows)[wide]) {
  __m512i other[wide];
#pragma GCC unroll 4
  for (std::size_t i = 0; i < wide; i += 4) {
    const auto low = _mm512_unpacklo_epi32(rows[i], rows[i + 1]),
               high = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    const auto next_low = _mm512_unpacklo_epi32(rows[i + 2], rows[i + 3]),
               next_high = _mm512_unpackhi_epi32(rows[i + 2], rows[i + 3]);
    other[i] = _mm512_unpacklo_epi64(low, next_low);
    other[i + 1] = _mm512_unpackhi_epi64(low, next_low);
    other[i + 2] = _mm512_unpacklo_epi64(high, next_high);
    other[i + 3] = _mm512_unpackhi_epi64(high, next_high);
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < 4; ++i) {
    const auto a = _mm512_shuffle_i32x4(other[i], other[i + 4], 0x88),
               b = _mm512_shuffle_i32x4(other[i], other[i + 4], 0xdd),
               c = _mm512_shuffle_i32x4(other[i + 8], other[i + 12], 0x88),
               d = _mm512_shuffle_i32x4(other[i + 8], other[i + 12], 0xdd);
    rows[i] = _mm512_shuffle_i32x4(a, c, 0x88);
    rows[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88);
    rows[i + 8] = _mm512_shuffle_i32x4(a, c, 0xdd);
    rows[i + 12] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
}

constexpr int xor_of_three = 0x96, choice = 0xca, majority = 0xe8;

template <int a, int b, int c, bool shift>
GRAPHITE_WIDE __m512i mixed(__m512i x) {
  const auto third = shift ? _mm512_srli_epi32(x, c) : _mm512_ror_epi32(x, c);
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, a), _mm512_ror_epi32(x, b), third, xor_of_three);
}

/// One round in each lane. The caller turns the names of the eight words.
GRAPHITE_WIDE void wide_round(__m512i a, __m512i b, __m512i c, __m512i& d, __m512i e, __m512i f, __m512i g,
                              __m512i& h, __m512i word, std::uint32_t constant) {
  const auto known = _mm512_add_epi32(word, _mm512_set1_epi32(static_cast<int>(constant)));
  const auto chosen =
      _mm512_add_epi32(_mm512_ternarylogic_epi32(e, f, g, choice), mixed<6, 11, 25, false>(e));
  const auto sum = _mm512_add_epi32(_mm512_add_epi32(h, known), chosen);
  d = _mm512_add_epi32(d, sum);
  h = _mm512_add_epi32(
      sum, _mm512_add_epi32(mixed<2, 13, 22, false>(a), _mm512_ternarylogic_epi32(a, b, c, majority)));
}

/// Sixteen rounds; all but the last sixteen make the next words in place.
template <bool last>
GRAPHITE_WIDE void sixteen_rounds(__m512i (&s)[8], __m512i (&w)[wide], const std::uint32_t* constants) {
#pragma GCC unroll 16
  for (std::size_t i = 0; i < wide; ++i) {
    wide_round(s[(16 - i) % 8], s[(17 - i) % 8], s[(18 - i) % 8], s[(19 - i) % 8], s[(20 - i) % 8],
               s[(21 - i) % 8], s[(22 - i) % 8], s[(23 - i) % 8], w[i], constants[i]);
    if (!last)
      w[i] =
          _mm512_add_epi32(_mm512_add_epi32(w[i], mixed<7, 18, 3, true>(w[(i + 1) % wide])),
                           _mm512_add_epi32(w[(i + 9) % wide], mixed<17, 19, 10, true>(w[(i + 14) % wide])));
  }
}

/// `count` blocks of up to sixteen lanes, a word of each in a register (AVX-512).
__attribute__((target("avx512f,avx512bw"))) void compress_wide(std::span<lane* const> of, std::size_t count) {
  alignas(64) std::uint32_t columns[8][wide] = {};
  static constexpr std::array<std::byte, block_bytes> nothing{};
  std::array<const std::byte*, wide> at;
  std::array<std::size_t, wide> step{};
  at.fill(nothing.data());
  for (std::size_t l = 0; l < of.size(); ++l) {
    for (std::size_t i = 0; i < 8; ++i) columns[i][l] = of[l]->words[i];
    at[l] = of[l]->at;
    step[l] = block_bytes;
  }
  __m512i now[8];
  for (std::size_t i = 0; i < 8; ++i) now[i] = _mm512_load_si512(columns[i]);
  const auto order = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
  for (std::size_t block = 0; block < count; ++block) {
    __m512i words[wide], before[8];
    for (std::size_t i = 0; i < 8; ++i) before[i] = now[i];
#pragma GCC unroll 16
    for (std::size_t l = 0; l < wide; ++l) {
      words[l] = _mm512_shuffle_epi8(_mm512_loadu_si512(at[l]), order);
      at[l] += step[l];
    }
    transpose(words);
    sixteen_rounds<false>(now, words, round_constants);
    sixteen_rounds<false>(now, words, round_constants + 16);
    sixteen_rounds<false>(now, words, round_constants + 32);
    sixteen_rounds<true>(now, words, round_constants + 48);
    for (std::size_t i = 0; i < 8; ++i) now[i] = _mm512_add_epi32(now[i], before[i]);
  }
  for (std::size_t i = 0; i < 8; ++i) _mm512_store_si512(columns[i], now[i]);
  for (std::size_t l = 0; l < of.size(); ++l)
    for (std::size_t i = 0; i < 8; ++i) of[l]->words[i] = columns[i][l];
}

constexpr unsigned ebx_sha = 1u << 29, ebx_avx512bw = 1u << 30, ecx_sse4_1 = 1u << 19;

/// With fewer lanes two of the SHA extensions are faster.
constexpr std::size_t wide_from = 10;

}  // namespace

std::size_t sha256_lanes_max() {
  static const std::size_t found = [] {
    const auto words = read_cpuid();
    if ((words.leaf_1_ecx & ecx_sse4_1) == 0 || (words.leaf_7_ebx & ebx_sha) == 0) return std::size_t{1};
    return capabilities_of(words).avx512 && (words.leaf_7_ebx & ebx_avx512bw) != 0 ? wide : std::size_t{2};
  }();
  return found;
}

void sha256_lanes(std::span<const byte_span> messages, std::span<digest> digests, std::size_t lanes_max) {
  std::array<lane, wide> lanes;
  std::array<lane*, wide> busy{};
  std::size_t begun = 0, count = 0;
  const auto begin_next = [&](lane& in) {
    in.begin(messages[begun], digests[begun]);
    ++begun;
  };
  for (; count < std::min(lanes_max, wide) && begun < messages.size(); ++count) {
    busy[count] = &lanes[count];
    begin_next(lanes[count]);
  }
  while (count > 0) {
    const auto together = count >= wide_from ? count : std::min<std::size_t>(count, 2);
    const std::span now(busy.data(), together);
    const auto blocks =
        (*std::ranges::min_element(now, {}, [](const lane* one) { return one->blocks; }))->blocks;
    if (together > 2)
      compress_wide(now, blocks);
    else if (together == 2)
      compress<2>({busy[0], busy[1]}, blocks);
    else
      compress<1>({busy[0]}, blocks);
    for (auto* one : now) {
      one->advance(blocks);
      if (one->blocks == 0 && begun < messages.size()) begin_next(*one);
    }
    const auto done = std::partition(busy.begin(), busy.begin() + static_cast<std::ptrdiff_t>(count),
                                     [](const lane* one) { return one->blocks > 0; });
    count = static_cast<std::size_t>(done - busy.begin());
  }
}

#else

std::size_t sha256_lanes_max() { return 1; }

void sha256_lanes(std::span<const byte_span>, std::span<digest>, std::size_t) {}

#endif

}  // namespace graphite
