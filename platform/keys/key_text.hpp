#pragma once

#include <string>
#include <vector>

#include "core/credentials.hpp"
#include "core/secret.hpp"
#include "platform/crypto/ed25519.hpp"

namespace graphite {

/// \file How keys stand in files: hexadecimal, a line each. Pure but for the library's random numbers;
/// thread-safe.

/// Reads a file of `read_hex_lines` lines at most `line_bytes_max` long each, once decoded. Errors: corrupt.
result<std::vector<byte_vector>> read_hex_lines(std::string_view text, std::size_t line_bytes_max);

/// A signing key with what says whose it is: two lines.
struct signing_key {
  signed_statement statement;
  std::unique_ptr<ed25519_signer> signer;
};
result<secret_bytes> signing_key_text(const signed_statement& statement, const ed25519_signer& signer);
/// Errors: corrupt.
result<signing_key> parse_signing_key(byte_span text);

/// One secret of 32 bytes and a new line.
secret_bytes secret_text(byte_span secret);
/// Errors: corrupt.
result<secret_bytes> parse_secret(byte_span text);

/// Roots that are pinned, a line each: the key; where it has an end, a space and nanoseconds since 1970.
std::string pins_text(const std::vector<pinned_root>& roots);
/// Errors: corrupt (no line, too many, one that is none).
result<std::vector<pinned_root>> parse_pins(std::string_view text);

}  // namespace graphite
