#include "platform/keys/key_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/hex.hpp"

namespace graphite {

namespace {

constexpr std::size_t secret_size = ed25519_signer::secret_size;

/// The next line without its end; the text's last line has one, too.
std::optional<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const auto line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

void append_hex(byte_vector& to, byte_span bytes) {
  for (const auto one : bytes) {
    to.push_back(static_cast<std::byte>(hex_digits[static_cast<unsigned>(one) >> 4]));
    to.push_back(static_cast<std::byte>(hex_digits[static_cast<unsigned>(one) & 15]));
  }
  to.push_back(std::byte{'\n'});
}

template <class Key>
std::optional<Key> key_from(std::string_view hex) {
  Key out;
  const auto bytes = bytes_from_hex(hex, out.bytes.size());
  if (!bytes || bytes->size() != out.bytes.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), out.bytes.begin());
  return out;
}

}  // namespace

result<std::vector<byte_vector>> read_hex_lines(std::string_view text, std::size_t line_bytes_max) {
  std::vector<byte_vector> out;
  while (!text.empty()) {
    const auto line = take_line(text);
    auto bytes = line ? bytes_from_hex(*line, line_bytes_max) : std::nullopt;
    if (!bytes) return fail(errc::corrupt, fmt::format("line {} is not what belongs there", out.size() + 1));
    out.push_back(std::move(*bytes));
  }
  return out;
}

result<secret_bytes> signing_key_text(const signed_statement& statement, const ed25519_signer& signer) {
  const auto said = encode_signed(statement);
  byte_vector out;
  out.reserve(2 * (said.size() + secret_size) + 2);
  append_hex(out, said);
  append_hex(out, signer.secret().view());
  return secret_bytes(std::move(out));
}

result<signing_key> parse_signing_key(byte_span text) {
  auto rest = as_text(text);
  const auto said = take_line(rest), secret = take_line(rest);
  const auto bytes = said ? bytes_from_hex(*said, 1024) : std::nullopt;
  if (!bytes || !secret || !rest.empty()) return fail(errc::corrupt, "not a key with its statement");
  signing_key out;
  GRAPHITE_TRY(out.statement, decode_signed(*bytes));
  const secret_bytes raw(bytes_from_hex(*secret, secret_size).value_or(byte_vector()));
  auto signer = ed25519_signer::from_secret(raw.view());
  if (!signer) return fail(errc::corrupt, "not a key with its statement");
  out.signer = std::move(*signer);
  return out;
}

secret_bytes secret_text(byte_span secret) {
  byte_vector out;
  out.reserve(2 * secret.size() + 1);
  append_hex(out, secret);
  return secret_bytes(std::move(out));
}

result<secret_bytes> parse_secret(byte_span text) {
  auto rest = as_text(text);
  const auto line = take_line(rest);
  auto bytes = line && rest.empty() ? bytes_from_hex(*line, secret_size) : std::nullopt;
  if (!bytes || bytes->size() != secret_size) return fail(errc::corrupt, "not a secret key");
  return secret_bytes(std::move(*bytes));
}

std::string pins_text(const std::vector<pinned_root>& roots) {
  std::string out;
  for (const auto& one : roots) {
    out += hex_text(one.key.bytes);
    if (one.until_unix_ns) out += fmt::format(" {}", *one.until_unix_ns);
    out += '\n';
  }
  return out;
}

result<std::vector<pinned_root>> parse_pins(std::string_view text) {
  std::vector<pinned_root> out;
  while (!text.empty() && out.size() <= pinned_root::roots_max) {
    const auto line = take_line(text).value_or("");
    const auto space = line.find(' ');
    const auto key = key_from<public_key>(line.substr(0, space));
    if (!key) return fail(errc::corrupt, "a line that pins no root");
    pinned_root one(*key);
    if (space != std::string_view::npos) {
      const auto number = line.substr(space + 1);
      std::int64_t until = 0;
      const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), until);
      if (code != std::errc() || end != number.data() + number.size())
        return fail(errc::corrupt, "a pin with an end that is no time");
      one.until_unix_ns = until;
    }
    out.push_back(one);
  }
  if (out.empty() || out.size() > pinned_root::roots_max)
    return fail(errc::corrupt, fmt::format("1 to {} roots can be pinned", pinned_root::roots_max));
  return out;
}

}  // namespace graphite
