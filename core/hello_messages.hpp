#pragma once

#include "core/credentials.hpp"

namespace graphite {

/// \file The three messages of core/hello as bytes. Each has one encoding; what is not exactly it is refused.
/// Nothing in them is known to be true before core/hello has checked it.

/// Of every message, so that a stranger costs no more.
inline constexpr std::size_t hello_bytes_max = 512;

/// 32 bytes that nobody used before.
struct hello_nonce {
  std::array<std::byte, 32> bytes{};
  auto operator<=>(const hello_nonce&) const = default;
};

/// 1, by who listens: who it says it is, and what a proof has to cover.
struct hello_challenge {
  hello_nonce nonce;
  incarnation_id incarnation;
  signed_statement key;  ///< a role_key statement
  bool operator==(const hello_challenge&) const = default;
};

/// 2, by who dialled: its proof, and its own challenge.
struct hello_answer {
  hello_nonce to;  ///< of the challenge that is answered
  hello_nonce nonce;
  incarnation_id incarnation;
  signed_statement key;
  signature proof;
  bool operator==(const hello_answer&) const = default;
};

/// 3, by who listens.
struct hello_proof {
  hello_nonce to;  ///< of the answer
  signature proof;
  bool operator==(const hello_proof&) const = default;
};

byte_vector encode(const hello_challenge& what);
byte_vector encode(const hello_answer& what);
byte_vector encode(const hello_proof& what);
/// Errors: too_large (over hello_bytes_max), newer_version, corrupt (another message, or none).
result<hello_challenge> decode_hello_challenge(byte_span bytes);
result<hello_answer> decode_hello_answer(byte_span bytes);
result<hello_proof> decode_hello_proof(byte_span bytes);

/// Who signs: both sides sign the same messages, never the same bytes.
enum class hello_side : std::uint8_t { dialler = 1, listener = 2 };

/// What a proof covers: the side, `binding`, the whole challenge, and of the answer all but its own proof.
/// Names, roles and keys of both are in the statements, which are covered, too.
byte_vector hello_transcript(hello_side by, std::string_view binding, const hello_challenge& challenge,
                             const hello_answer& answer);

}  // namespace graphite
