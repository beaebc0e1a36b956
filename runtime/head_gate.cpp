#include "runtime/head_gate.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace graphite {

head_gate::head_gate(std::vector<pinned_root> pins, const signature_verifier& verifier)
    : pinned_(std::move(pins)), verifier_(verifier) {
  GRAPHITE_INVARIANT(!pinned_.empty());
}

void head_gate::set_pins(std::vector<pinned_root> pins) {
  GRAPHITE_INVARIANT(!pins.empty());
  pinned_ = std::move(pins);
}

result<void> head_gate::check_head(std::string_view channel, byte_span shared, byte_span block,
                                   std::int64_t unix_ns) {
  return check(statement_kind::head, channel, shared, block, unix_ns);
}

result<void> head_gate::check_state(const channel_state& state, const publisher_place& place,
                                    std::int64_t unix_ns) {
  return check(statement_kind::state, state.channel, signed_part(state, place), state.signature, unix_ns);
}

std::vector<public_key> head_gate::roots_at(std::int64_t unix_ns) const {
  auto out = roots_that_count(pinned_, unix_ns);
  // Each of them may have let others follow, which it stands before.
  for (std::size_t i = 0; i < out.size(); ++i)
    for (const auto& one : other_roots_)
      if (one.before == out[i] && one.says.valid.holds(unix_ns) &&
          std::ranges::count(out, one.says.after) == 0)
        out.push_back(one.says.after);
  return out;
}

std::vector<public_key> head_gate::roots_ever() const {
  std::vector<public_key> out;
  for (const auto& one : pinned_) out.push_back(one.key);
  for (const auto& one : other_roots_) out.push_back(one.says.after);
  return out;
}

result<void> head_gate::check_kept(const head& kept, byte_span block, const hasher& hash) {
  GRAPHITE_TRY(const auto shared, signed_part(kept, hash));
  const auto read = decode_signature_block(block);
  for (const auto& root : roots_ever()) {
    if (!read) break;
    const auto key = verified_channel_key(read->key, root, verifier_);
    if (key && key->channel == kept.channel &&
        statement_verifies(statement_kind::head, shared, read->by, key->key, verifier_))
      return {};
  }
  return fail(
      errc::permission_denied,
      fmt::format("what is kept of channel {} was signed by no key of a root that is pinned", kept.channel));
}

/// The statement of the last key is the same with each head: it is verified once.
result<channel_key_statement> head_gate::key_of(const signed_statement& statement, std::int64_t unix_ns) {
  const auto roots = roots_at(unix_ns);
  if (last_ && last_->statement == statement && std::ranges::count(roots, last_->root) > 0)
    return last_->says;
  auto refused = fail(errc::permission_denied, std::string(roots_have_ended));
  for (const auto& root : roots) {
    auto says = verified_channel_key(statement, root, verifier_);
    if (says) {
      last_ = checked_key{statement, *says, root};
      return says;
    }
    refused = tl::unexpected(says.error());
  }
  return refused;
}

result<void> head_gate::check(statement_kind kind, std::string_view channel, byte_span body, byte_span block,
                              std::int64_t unix_ns) {
  if (block.empty()) return fail(errc::permission_denied, fmt::format("channel {} is not signed", channel));
  const auto read = decode_signature_block(block);
  if (!read)
    return fail(errc::permission_denied, fmt::format("channel {}: {}", channel, read.error().context));
  GRAPHITE_TRY(const auto key, key_of(read->key, unix_ns));
  if (key.channel != channel)
    return fail(errc::permission_denied,
                fmt::format("channel {} is signed by a key of channel {}", channel, key.channel));
  if (revoked_.serials.contains(key.serial))
    return fail(errc::permission_denied,
                fmt::format("channel {} is signed by key {}, which was revoked", channel, key.serial));
  if (!key.valid.holds(unix_ns))
    return fail(errc::permission_denied,
                fmt::format("channel {} is signed by key {}, which {}", channel, key.serial,
                            unix_ns < key.valid.from_unix_ns ? "is not valid yet: is this clock right?"
                                                             : "has expired"));
  if (!statement_verifies(kind, body, read->by, key.key, verifier_))
    return fail(errc::permission_denied,
                fmt::format("channel {}: the signature is not of what came", channel));
  return {};
}

bool head_gate::learn(const trust_news& news, std::int64_t unix_ns) {
  bool learned = false;
  // A root's first: it may have signed the rest.
  for (int round = 0; round < 2; ++round)
    for (const auto& one : news.vouchers) learned |= learn_voucher(one, unix_ns);
  learned |= learn_revocations(news.revocations);
  return learned;
}

bool head_gate::learn_voucher(const byte_vector& bytes, std::int64_t unix_ns) {
  const auto same = [&](const auto& one) { return one.encoded == bytes; };
  if (std::ranges::any_of(other_roots_, same) || std::ranges::any_of(lineages_, same)) return false;
  const auto statement = decode_signed(bytes);
  if (!statement) return false;
  for (const auto& root : roots_at(unix_ns)) {
    if (auto says = verified_root_succession(*statement, root, verifier_)) {
      if (other_roots_.size() == news_max) other_roots_.erase(other_roots_.begin());
      other_roots_.push_back({std::move(*says), root, bytes});
      return true;
    }
    if (auto says = verified_succession(*statement, root, verifier_)) {
      if (lineages_.size() == news_max) lineages_.erase(lineages_.begin());
      lineages_.push_back({std::move(*says), bytes});
      return true;
    }
  }
  return false;
}

/// A list never shrinks: an older one is ignored.
bool head_gate::learn_revocations(const byte_vector& bytes) {
  if (bytes.empty() || bytes == revocations_) return false;
  const auto statement = decode_signed(bytes, revocations_bytes_max);
  if (!statement) return false;
  for (const auto& root : roots_ever()) {
    auto says = verified_revocations(*statement, root, verifier_);
    if (!says || says->number < revoked_.number) continue;
    revoked_ = std::move(*says);
    revocations_ = bytes;
    return true;
  }
  return false;
}

trust_news head_gate::known() const {
  trust_news out;
  for (const auto& one : other_roots_) out.vouchers.push_back(one.encoded);
  for (const auto& one : lineages_) out.vouchers.push_back(one.encoded);
  out.revocations = revocations_;
  return out;
}

bool head_gate::follows(std::string_view channel, const lineage_id& before, const lineage_id& after,
                        epoch_number epoch) const {
  std::vector<lineage_id> reached = {before};
  for (std::size_t i = 0; i < reached.size(); ++i)
    for (const auto& one : lineages_) {
      if (one.says.channel != channel || one.says.before != reached[i]) continue;
      if (one.says.after == after && one.says.epoch <= epoch) return true;
      if (std::ranges::count(reached, one.says.after) == 0) reached.push_back(one.says.after);
    }
  return false;
}

}  // namespace graphite
