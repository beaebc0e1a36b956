#include "cli/store_port.hpp"

#include <fmt/format.h>

#include "core/messages/zap.hpp"
#include "schemas/codec/store_messages.hpp"

namespace graphite {

namespace {

constexpr duration lapse_period = seconds(5);  ///< between looks for uploads that nobody goes on with

stores::reply no_because(const error& why) { return {refusal{why.code, why.context}, {}}; }

}  // namespace

store_port::store_port(chunk_store& store, const hasher& hash, const clock_source& clock,
                       store_uploads::options uploads, std::optional<store_port_security> security,
                       const std::optional<store_ledger::options>& keeping)
    : store_(store),
      clock_(clock),
      ledger_(keeping ? std::optional<store_ledger>(std::in_place, *keeping, clock.unix_ns() / 1'000'000)
                      : std::nullopt),
      service_(store, hash, uploads, ledger_ ? &*ledger_ : nullptr),
      security_(std::move(security)),
      limits_(security_ ? security_->limits : request_limits::options{}),
      logged_(security_ ? security_->log : nullptr, security_ ? security_->lines : event_rate{},
              "the store port's clients") {}

std::optional<store_handler::frames> store_port::handle(ticket request, const std::optional<curve_key>& peer,
                                                        std::span<const byte_span> message) {
  if (security_ && !peer) return frames{};
  std::optional<stores::reply> reply;
  {
    const std::lock_guard lock(mutex_);
    reply = answer(request, peer, message);
  }
  if (!reply) return std::nullopt;
  return encode_store_reply(std::move(*reply));
}

std::optional<stores::reply> store_port::answer(ticket request, const std::optional<curve_key>& peer,
                                                std::span<const byte_span> message) {
  const auto now = clock_.now();
  const auto granted = security_ ? security_->access.check(*peer, clock_.unix_ns()) : result<void>();
  if (security_)
    if (const auto fits = check_size(*peer, granted.has_value(), message); !fits)
      return no_because(fits.error());
  const auto decoded = decode_store_request(message);
  if (!decoded) return no_because(decoded.error());
  if (const auto* in = std::get_if<stores::enrol_request>(&*decoded); in != nullptr && security_)
    return enrol(*peer, *in);
  if (!granted) {
    log(log_level::warning,
        fmt::format("refused a request of {}: {}", user_id_of(*peer), granted.error().context));
    return no_because(granted.error());
  }
  if (now - lapsed_ >= lapse_period) {
    lapsed_ = now;
    service_.lapse(now);
  }
  return service_.answer(request, peer.value_or(curve_key{}), *decoded, message.subspan(1),
                         {now, clock_.unix_ns()});
}

/// And that it does not ask too often.
result<void> store_port::check_size(const curve_key& peer, bool granted, std::span<const byte_span> message) {
  const auto now = clock_.now();
  if (granted) return limits_.take_request(peer, now);
  GRAPHITE_CHECK(limits_.take_enrolment(peer, now));
  std::size_t bytes = 0;
  for (const auto& frame : message) bytes += frame.size();
  if (bytes <= store_port_limits::enrol_bytes_max) return {};
  return fail(errc::permission_denied, fmt::format("{} bytes from a client that has not enrolled", bytes));
}

stores::reply store_port::enrol(const curve_key& peer, const stores::enrol_request& request) {
  auto& access = security_->access;
  auto how = access.enrol(peer, request, *security_->random, {clock_.now(), clock_.unix_ns()});
  if (!how) {
    log(log_level::warning, fmt::format("refused to enrol {}: {}", user_id_of(peer), how.error().context));
    return no_because(how.error());
  }
  if (request.step != stores::enrol_request::what::begin)
    log(log_level::info, fmt::format("enrolled {}, {}", user_id_of(peer), access.name_of(peer)));
  return {std::move(*how), {}};
}

std::vector<std::pair<store_handler::ticket, store_handler::frames>> store_port::flush() {
  store_service::waiting covered;
  {
    const std::lock_guard lock(mutex_);
    if (!service_.has_waiting()) return {};
    covered = service_.take_waiting();
  }
  const auto how = store_.sync();
  store_service::answers answers;
  {
    const std::lock_guard lock(mutex_);
    answers = service_.synced(std::move(covered), how);
  }
  std::vector<std::pair<ticket, frames>> out;
  for (auto& [request, reply] : answers) out.emplace_back(request, encode_store_reply(std::move(reply)));
  return out;
}

void store_port::keep(const std::function<void(store_service&, store_ledger&)>& what) {
  GRAPHITE_INVARIANT(ledger_.has_value());
  const std::lock_guard lock(mutex_);
  what(service_, *ledger_);
}

void store_port::set_trust(role_trust trust) {
  const std::lock_guard lock(mutex_);
  GRAPHITE_INVARIANT(security_.has_value());
  security_->access.set_trust(std::move(trust));
}

bool store_port::admits(served_port port, const curve_key& peer) {
  if (port == served_port::chunks) return true;
  const std::lock_guard lock(mutex_);
  return security_ && security_->access.check(peer, clock_.unix_ns());
}

std::string store_port::why_not(const curve_key& peer) {
  const std::lock_guard lock(mutex_);
  if (!security_) return "this port has no keys";
  const auto may = security_->access.check(peer, clock_.unix_ns());
  return may ? std::string() : may.error().context;
}

void store_port::misbehaved(const curve_key& peer, std::string_view how) {
  const std::lock_guard lock(mutex_);
  log(log_level::warning, fmt::format("{} {}", user_id_of(peer), how));
}

}  // namespace graphite
