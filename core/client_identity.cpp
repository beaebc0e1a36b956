#include "core/client_identity.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace graphite {

namespace {

constexpr std::string_view identity_prefix = "graphite:";
constexpr std::pair<verb, char> verb_letters[] = {
    {verb::query, 'q'}, {verb::build, 'b'}, {verb::publish, 'p'}, {verb::operate, 'o'}};

std::optional<verb_set> verbs_of(std::string_view letters) {
  std::uint8_t bits = 0;
  for (const auto& [one, letter] : verb_letters) {
    if (!letters.starts_with(letter)) continue;
    letters.remove_prefix(1);
    bits |= verb_set{one}.bits();
  }
  if (!letters.empty() || bits == 0) return {};
  return verb_set::from_bits(bits);
}

std::optional<std::uint64_t> serial_of(std::string_view digits) {
  std::uint64_t out = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stopped, problem] = std::from_chars(digits.data(), end, out);
  if (problem != std::errc() || stopped != end) return {};
  if (digits.size() > 1 && digits.front() == '0') return {};
  return out;
}

/// The text up to the next colon, which goes with it.
std::string_view next_field(std::string_view& rest) {
  const auto field = rest.substr(0, rest.find(':'));
  rest.remove_prefix(std::min(rest.size(), field.size() + 1));
  return field;
}

}  // namespace

result<std::string> encode_client_identity(const client_identity& what) {
  if (!is_channel_name(what.name))
    return fail(errc::invalid_argument,
                fmt::format("'{}' cannot name a client: letters, digits, '_', '.' and '-'", what.name));
  if (what.verbs.empty()) return fail(errc::invalid_argument, what.name + " would be permitted nothing");
  std::string out(identity_prefix);
  for (const auto& [one, letter] : verb_letters)
    if (what.verbs.has(one)) out += letter;
  out += fmt::format(":{}:{}", what.name, what.serial);
  if (out.size() <= client_identity_bytes_max) return out;
  return fail(errc::invalid_argument, fmt::format("'{}' is {} bytes too long for a certificate's name",
                                                  what.name, out.size() - client_identity_bytes_max));
}

result<client_identity> parse_client_identity(std::string_view text) {
  const auto refused = fail(errc::invalid_argument, "the certificate's name is none of a client");
  if (text.size() > client_identity_bytes_max || !text.starts_with(identity_prefix)) return refused;
  text.remove_prefix(identity_prefix.size());
  const auto verbs = verbs_of(next_field(text));
  const auto name = next_field(text);
  const auto serial = serial_of(text);
  if (!verbs || !serial || !is_channel_name(name)) return refused;
  return client_identity{std::string(name), *verbs, *serial};
}

}  // namespace graphite
