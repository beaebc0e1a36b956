#include "core/statements.hpp"

#include "core/statement_frame.hpp"

namespace graphite {

namespace {

/// Ends with a zero, which no other begins with.
std::string_view context_of(statement_kind kind) {
  using namespace std::string_view_literals;
  switch (kind) {
    case statement_kind::channel_key:
      return "graphite: a channel's key\0"sv;
    case statement_kind::succession:
      return "graphite: a lineage follows another\0"sv;
    case statement_kind::root_succession:
      return "graphite: a root follows another\0"sv;
    case statement_kind::role_key:
      return "graphite: a role's key\0"sv;
    case statement_kind::ticket:
      return "graphite: a ticket\0"sv;
    case statement_kind::token:
      return "graphite: a token\0"sv;
    case statement_kind::revocations:
      return "graphite: what is revoked\0"sv;
    case statement_kind::hello:
      return "graphite: hello\0"sv;
    case statement_kind::head:
      return "graphite: a head\0"sv;
    case statement_kind::store_pass:
      return "graphite: a pass to stores\0"sv;
    case statement_kind::state:
      break;
  }
  return "graphite: what a channel serves\0"sv;
}

byte_vector covered(statement_kind kind, byte_span body) {
  const auto context = as_bytes(context_of(kind));
  byte_vector out(context.begin(), context.end());
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

result<void> check_channel(std::string_view channel) {
  if (!is_channel_name(channel))
    return fail(errc::invalid_argument,
                "a statement about '" + std::string(channel) + "', which names no channel");
  return {};
}

}  // namespace

std::vector<public_key> roots_that_count(const std::vector<pinned_root>& pins, std::int64_t unix_ns) {
  std::vector<public_key> out;
  for (const auto& one : pins)
    if (one.counts(unix_ns)) out.push_back(one.key);
  return out;
}

bool root_counts(const std::vector<pinned_root>& pins, const public_key& root, std::int64_t unix_ns) {
  return std::ranges::any_of(pins, [&](const auto& one) { return one.key == root && one.counts(unix_ns); });
}

result<signature> sign_statement(statement_kind kind, byte_span body, const message_signer& signer) {
  return signer.sign(covered(kind, body));
}

bool statement_verifies(statement_kind kind, byte_span body, const signature& what, const public_key& by,
                        const signature_verifier& verifier) {
  return verifier.verifies(by, covered(kind, body), what);
}

result<signed_statement> sign_channel_key(const channel_key_statement& what, const message_signer& root) {
  GRAPHITE_CHECK(check_channel(what.channel));
  GRAPHITE_CHECK(check_validity(what.valid, "a key of channel " + what.channel));
  auto out = begin_body();
  out.bytes(what.channel);
  out.bytes(text_of(what.key.bytes));
  out.number(what.serial);
  write_validity(out, what.valid);
  return sign_body(root, statement_kind::channel_key, out.take());
}

result<channel_key_statement> verified_channel_key(const signed_statement& what, const public_key& root,
                                                   const signature_verifier& verifier) {
  return read_signed<channel_key_statement>(statement_kind::channel_key, what, root, verifier,
                                            [](record_reader& from, channel_key_statement& out) {
                                              out.channel = read_channel(from);
                                              read_into(from, out.key.bytes);
                                              out.serial = from.number();
                                              out.valid = read_validity(from);
                                            });
}

result<signed_statement> sign_succession(const succession_statement& what, const message_signer& root) {
  GRAPHITE_CHECK(check_channel(what.channel));
  if (what.before == what.after)
    return fail(errc::invalid_argument, "a lineage of channel " + what.channel + " that follows itself");
  auto out = begin_body();
  out.bytes(what.channel);
  out.bytes(text_of(what.before));
  out.bytes(text_of(what.after));
  out.number(what.epoch.value);
  return sign_body(root, statement_kind::succession, out.take());
}

result<succession_statement> verified_succession(const signed_statement& what, const public_key& root,
                                                 const signature_verifier& verifier) {
  return read_signed<succession_statement>(statement_kind::succession, what, root, verifier,
                                           [](record_reader& from, succession_statement& out) {
                                             out.channel = read_channel(from);
                                             read_into(from, out.before.value.bytes);
                                             read_into(from, out.after.value.bytes);
                                             out.epoch = epoch_number{from.number()};
                                           });
}

result<signed_statement> sign_root_succession(const root_succession_statement& what,
                                              const message_signer& before) {
  GRAPHITE_CHECK(check_validity(what.valid, "a succession of roots"));
  if (what.after == before.key()) return fail(errc::invalid_argument, "a root that follows itself");
  auto out = begin_body();
  out.bytes(text_of(what.after.bytes));
  write_validity(out, what.valid);
  return sign_body(before, statement_kind::root_succession, out.take());
}

result<root_succession_statement> verified_root_succession(const signed_statement& what,
                                                           const public_key& before,
                                                           const signature_verifier& verifier) {
  return read_signed<root_succession_statement>(statement_kind::root_succession, what, before, verifier,
                                                [](record_reader& from, root_succession_statement& out) {
                                                  read_into(from, out.after.bytes);
                                                  out.valid = read_validity(from);
                                                });
}

byte_vector encode_signed(const signed_statement& what) {
  record_writer out;
  out.bytes(as_text(what.body));
  out.bytes(text_of(what.by.bytes));
  const auto bytes = as_bytes(out.text());
  return {bytes.begin(), bytes.end()};
}

result<signed_statement> decode_signed(byte_span bytes, std::size_t body_bytes_max) {
  record_reader from(as_text(bytes));
  const auto body = as_bytes(from.bytes(body_bytes_max));
  signed_statement out;
  out.body.assign(body.begin(), body.end());
  read_into(from, out.by.bytes);
  if (!from.ok() || !from.at_end()) return fail(errc::corrupt, "not a signed statement");
  return out;
}

}  // namespace graphite
