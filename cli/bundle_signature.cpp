#include "cli/bundle_signature.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "bundle/head_signature.hpp"
#include "platform/crypto/ed25519.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/keys/loaded_keys.hpp"
#include "runtime/head_gate.hpp"

namespace graphite {

namespace {

/// So many digits of `text` from `at` on, as a number.
std::optional<int> digits_of(std::string_view text, std::size_t at, std::size_t count) {
  int out = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    out = 10 * out + (c - '0');
  }
  return out;
}

/// The key's end, where it is one of a pinned root and has ended.
std::optional<std::int64_t> end_of_key(const head_file& head, const std::vector<pinned_root>& pins,
                                       std::int64_t unix_ns) {
  const ed25519_verifier verifier;
  const auto block = decode_signature_block(head.signature);
  if (!block) return std::nullopt;
  for (const auto& pin : pins)
    if (const auto key = verified_channel_key(block->key, pin.key, verifier);
        key && key->valid.until_unix_ns <= unix_ns)
      return key->valid.until_unix_ns;
  return std::nullopt;
}

result<std::int64_t> moment_of(const bundle_trust& trust, std::int64_t now_unix_ns) {
  if (trust.at.empty()) return now_unix_ns;
  GRAPHITE_TRY(const auto at, parse_moment(trust.at));
  if (at > now_unix_ns)
    return fail(errc::invalid_argument, fmt::format("--at {} is still to come", trust.at));
  return at;
}

/// Whoever has the key says what he likes of the time: it proves nothing, but it must not contradict.
result<void> check_published(const head& value, const bundle_trust& trust, std::int64_t at) {
  if (trust.at.empty() || value.published_unix_ns <= at) return {};
  return fail(errc::permission_denied,
              fmt::format("it was published after {}: it was not there then", trust.at));
}

}  // namespace

result<std::int64_t> parse_moment(std::string_view text) {
  using namespace std::chrono;
  const auto bad = [&] {
    return fail(errc::invalid_argument,
                fmt::format("'{}' is no time: 2026-01-31 or 2026-01-31T12:00:00Z, both UTC", text));
  };
  constexpr std::string_view day_form = "0000-00-00", moment_form = "0000-00-00T00:00:00Z";
  if (text.size() != day_form.size() && text.size() != moment_form.size()) return bad();
  for (std::size_t i = 0; i < text.size(); ++i)
    if (moment_form[i] != '0' && text[i] != moment_form[i]) return bad();
  const bool whole_day = text.size() == day_form.size();
  const auto y = digits_of(text, 0, 4), m = digits_of(text, 5, 2), d = digits_of(text, 8, 2);
  const auto hour = whole_day ? 0 : digits_of(text, 11, 2), minute = whole_day ? 0 : digits_of(text, 14, 2),
             second = whole_day ? 0 : digits_of(text, 17, 2);
  if (!y || !m || !d || !hour || !minute || !second) return bad();
  const year_month_day date(year(*y), month(static_cast<unsigned>(*m)), day(static_cast<unsigned>(*d)));
  if (!date.ok() || *y < 1970 || *y > 2200 || *hour > 23 || *minute > 59 || *second > 59) return bad();
  const auto time = sys_days(date) + hours(*hour) + minutes(*minute) + seconds(*second);
  return nanoseconds(time.time_since_epoch()).count();
}

result<void> check_signature(const head_file& head, const bundle_trust& trust, std::int64_t now_unix_ns) {
  if (trust.root.empty() && (!trust.revocations.empty() || !trust.at.empty()))
    return fail(errc::invalid_argument, "--revocations and --at are about signatures: say --root, too");
  if (trust.root.empty()) return {};
  GRAPHITE_TRY(const auto at, moment_of(trust, now_unix_ns));
  GRAPHITE_TRY(auto pins, load_pins(trust.root, at));
  const ed25519_verifier verifier;
  head_gate gate(pins, verifier);
  if (!trust.revocations.empty()) {
    GRAPHITE_TRY(const auto list, load_revocations(trust.revocations, pins));
    gate.learn({{}, list}, at);
  }
  GRAPHITE_TRY(const auto shared, signed_part(head.value, openssl_hasher()));
  auto good = gate.check_head(head.value.channel, shared, head.signature, at);
  if (good) return check_published(head.value, trust, at);
  if (const auto ended = end_of_key(head, pins, at); ended && trust.at.empty())
    return fail(
        good.error().code,
        fmt::format("{}: where it is known that these bytes were there before that, --at TIME judges as "
                    "of then; by itself a signature has no time",
                    good.error().context));
  return good;
}

}  // namespace graphite
