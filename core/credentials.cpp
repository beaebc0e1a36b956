#include "core/credentials.hpp"

#include <fmt/format.h>

#include "core/hex.hpp"
#include "core/statement_frame.hpp"

namespace graphite {

namespace {

constexpr std::pair<verb, std::string_view> verb_names[] = {
    {verb::query, "query"}, {verb::build, "build"}, {verb::publish, "publish"}, {verb::operate, "operate"}};
constexpr std::pair<role, std::string_view> role_names[] = {
    {role::coordinator, "coordinator"}, {role::node, "node"}, {role::relay, "relay"}, {role::watch, "watch"}};
constexpr std::string_view token_prefix = "graphite1.";

result<void> check_name(std::string_view name, std::string_view of_what) {
  if (is_channel_name(name)) return {};
  return fail(errc::invalid_argument,
              fmt::format("'{}' cannot name {}: 1 to {} letters, digits, '_', '.' and '-'", name, of_what,
                          peer_name_bytes_max));
}

byte_vector to_bytes(const record_writer& from) {
  const auto bytes = as_bytes(from.text());
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::string to_string(verb_set verbs) {
  std::string out;
  for (const auto& [one, name] : verb_names) {
    if (!verbs.has(one)) continue;
    if (!out.empty()) out += ',';
    out += name;
  }
  return out;
}

result<verb_set> parse_verbs(std::string_view text) {
  std::uint8_t bits = 0;
  while (!text.empty()) {
    const auto name = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), name.size() + 1));
    const auto known = std::find_if(std::begin(verb_names), std::end(verb_names),
                                    [&](const auto& one) { return one.second == name; });
    if (known == std::end(verb_names))
      return fail(errc::invalid_argument,
                  fmt::format("'{}' is none of {}", name, to_string(verb_set::all())));
    bits |= verb_set{known->first}.bits();
  }
  if (bits == 0)
    return fail(errc::invalid_argument, fmt::format("name at least one of {}", to_string(verb_set::all())));
  return verb_set::from_bits(bits);
}

std::string_view to_string(role what) {
  for (const auto& [one, name] : role_names)
    if (one == what) return name;
  return "no role";
}

std::optional<role> role_from_string(std::string_view text) {
  for (const auto& [one, name] : role_names)
    if (name == text) return one;
  return {};
}

result<signed_statement> sign_role_key(const role_key_statement& what, const message_signer& root) {
  GRAPHITE_CHECK(check_name(what.name, "a process"));
  GRAPHITE_CHECK(check_validity(what.valid, "a key of " + what.name));
  auto out = begin_body();
  out.byte(static_cast<std::uint8_t>(what.what));
  out.bytes(what.name);
  out.bytes(text_of(what.key.bytes));
  out.number(what.serial);
  write_validity(out, what.valid);
  return sign_body(root, statement_kind::role_key, out.take());
}

result<role_key_statement> verified_role_key(const signed_statement& what, const public_key& root,
                                             const signature_verifier& verifier) {
  return read_signed<role_key_statement>(statement_kind::role_key, what, root, verifier,
                                         [](record_reader& from, role_key_statement& out) {
                                           const auto number = from.byte();
                                           if (number >= std::size(role_names)) from.fault();
                                           out.what = static_cast<role>(number);
                                           out.name = read_channel(from);
                                           read_into(from, out.key.bytes);
                                           out.serial = from.number();
                                           out.valid = read_validity(from);
                                         });
}

result<signed_statement> sign_ticket(const ticket_statement& what, const message_signer& channel_key) {
  GRAPHITE_CHECK(check_name(what.channel, "a channel"));
  GRAPHITE_CHECK(check_name(what.name, "a runtime"));
  GRAPHITE_CHECK(check_validity(what.valid, "a ticket for " + what.name));
  auto out = begin_body();
  out.bytes(what.channel);
  out.bytes(what.name);
  out.bytes(text_of(what.client.bytes));
  out.number(what.serial);
  write_validity(out, what.valid);
  return sign_body(channel_key, statement_kind::ticket, out.take());
}

result<ticket_statement> verified_ticket(const signed_statement& what, const public_key& channel_key,
                                         const signature_verifier& verifier) {
  return read_signed<ticket_statement>(statement_kind::ticket, what, channel_key, verifier,
                                       [](record_reader& from, ticket_statement& out) {
                                         out.channel = read_channel(from);
                                         out.name = read_channel(from);
                                         read_into(from, out.client.bytes);
                                         out.serial = from.number();
                                         out.valid = read_validity(from);
                                       });
}

result<signed_statement> sign_token(const token_statement& what, const message_signer& root) {
  GRAPHITE_CHECK(check_name(what.tenant, "a tenant"));
  GRAPHITE_CHECK(check_name(what.name, "a client"));
  GRAPHITE_CHECK(check_validity(what.valid, "a token for " + what.name));
  if (what.verbs.empty()) return fail(errc::invalid_argument, "a token that permits nothing");
  auto out = begin_body();
  out.bytes(what.tenant);
  out.bytes(what.name);
  out.byte(what.verbs.bits());
  out.number(what.serial);
  write_validity(out, what.valid);
  return sign_body(root, statement_kind::token, out.take());
}

result<token_statement> verified_token(const signed_statement& what, const public_key& root,
                                       const signature_verifier& verifier) {
  return read_signed<token_statement>(statement_kind::token, what, root, verifier,
                                      [](record_reader& from, token_statement& out) {
                                        out.tenant = read_channel(from);
                                        out.name = read_channel(from);
                                        const auto bits = from.byte();
                                        out.verbs = verb_set::from_bits(bits);
                                        if (out.verbs.bits() != bits || bits == 0) from.fault();
                                        out.serial = from.number();
                                        out.valid = read_validity(from);
                                      });
}

result<signed_statement> sign_revocations(const revocations_statement& what, const message_signer& root) {
  if (what.serials.size() + what.clients.size() > revocations_statement::entries_max)
    return fail(errc::invalid_argument,
                fmt::format("more than {} revoked keys: begin with a new root", what.entries_max));
  auto out = begin_body();
  out.number(what.number);
  out.number(what.serials.size());
  for (const auto one : what.serials) out.number(one);
  out.number(what.clients.size());
  for (const auto& one : what.clients) out.bytes(text_of(one.bytes));
  return sign_body(root, statement_kind::revocations, out.take());
}

result<revocations_statement> verified_revocations(const signed_statement& what, const public_key& root,
                                                   const signature_verifier& verifier) {
  return read_signed<revocations_statement>(statement_kind::revocations, what, root, verifier,
                                            [](record_reader& from, revocations_statement& out) {
                                              out.number = from.number();
                                              auto count = from.number_up_to(out.entries_max);
                                              while (from.ok() && count-- > 0)
                                                if (!out.serials.insert(from.number()).second) from.fault();
                                              count = from.number_up_to(out.entries_max - out.serials.size());
                                              for (curve_key one; from.ok() && count-- > 0;) {
                                                read_into(from, one.bytes);
                                                if (!out.clients.insert(one).second) from.fault();
                                              }
                                            });
}

byte_vector encode_ticket(const ticket& what) {
  record_writer out;
  out.bytes(as_text(encode_signed(what.key)));
  out.bytes(as_text(encode_signed(what.grant)));
  return to_bytes(out);
}

result<ticket> decode_ticket(byte_span bytes) {
  record_reader from(as_text(bytes));
  const auto key = from.bytes(ticket_bytes_max), grant = from.bytes(ticket_bytes_max);
  if (!from.ok() || !from.at_end()) return fail(errc::corrupt, "not a ticket");
  ticket out;
  GRAPHITE_TRY(out.key, decode_signed(as_bytes(key)));
  GRAPHITE_TRY(out.grant, decode_signed(as_bytes(grant)));
  return out;
}

std::string token_text(const signed_statement& token) {
  return std::string(token_prefix) + hex_text(encode_signed(token));
}

result<signed_statement> parse_token_text(std::string_view text) {
  if (!text.starts_with(token_prefix))
    return fail(errc::invalid_argument, fmt::format("a token begins with {}", token_prefix));
  constexpr auto bytes_max = signed_statement::body_bytes_max + sizeof(signature) + 8;
  const auto bytes = bytes_from_hex(text.substr(token_prefix.size()), bytes_max);
  if (!bytes) return fail(errc::invalid_argument, "a token that is not whole");
  auto out = decode_signed(*bytes);
  if (!out) return fail(errc::invalid_argument, "a token that is not whole");
  return out;
}

}  // namespace graphite
