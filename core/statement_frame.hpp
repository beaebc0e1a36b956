#pragma once

#include <algorithm>

#include "core/record_codec.hpp"
#include "core/statements.hpp"

/// \file What the encodings of statements share; for core/statements.cpp and core/credentials.cpp.

namespace graphite {

inline constexpr std::uint8_t statement_version = 1;

template <std::size_t Size>
std::string_view text_of(const std::array<std::byte, Size>& bytes) {
  return as_text(byte_span(bytes));
}
inline std::string_view text_of(const lineage_id& lineage) {
  return as_text(std::as_bytes(std::span(lineage.value.bytes)));
}

/// Exactly as many bytes as there are places.
template <class Bytes>
void read_into(record_reader& from, Bytes& bytes) {
  const auto text = from.bytes(bytes.size());
  if (text.size() != bytes.size()) return from.fault();
  std::transform(text.begin(), text.end(), bytes.begin(),
                 [](char one) { return static_cast<typename Bytes::value_type>(one); });
}

inline std::string read_channel(record_reader& from) {
  std::string out(from.bytes(channel_name_bytes_max));
  if (!is_channel_name(out)) from.fault();
  return out;
}

inline void write_validity(record_writer& out, const validity& valid) {
  out.signed_number(valid.from_unix_ns);
  out.signed_number(valid.until_unix_ns);
}
inline validity read_validity(record_reader& from) {
  validity out;
  out.from_unix_ns = from.signed_number();
  out.until_unix_ns = from.signed_number();
  return out;
}

inline result<void> check_validity(const validity& valid, std::string_view of_what) {
  if (valid.until_unix_ns <= valid.from_unix_ns)
    return fail(errc::invalid_argument, std::string(of_what) + " that is never valid");
  return {};
}

/// What all kinds begin with.
inline record_writer begin_body() {
  record_writer out;
  out.byte(statement_version);
  return out;
}

inline result<signed_statement> sign_body(const message_signer& by, statement_kind kind, std::string body) {
  signed_statement out;
  const auto bytes = as_bytes(body);
  out.body.assign(bytes.begin(), bytes.end());
  GRAPHITE_TRY(out.by, sign_statement(kind, out.body, by));
  return out;
}

/// Reads a body that `by` signed; `read` takes what follows the beginning.
template <class Statement, class Read>
result<Statement> read_signed(statement_kind kind, const signed_statement& what, const public_key& by,
                              const signature_verifier& verifier, Read read) {
  if (!statement_verifies(kind, what.body, what.by, by, verifier))
    return fail(errc::permission_denied, "a statement that the pinned root did not sign");
  record_reader from(as_text(what.body));
  Statement out;
  const auto version = from.byte();
  read(from, out);
  if (version != statement_version || !from.ok() || !from.at_end())
    return fail(errc::corrupt, "a signed statement that this version cannot read");
  return out;
}

}  // namespace graphite
