#include "cli/store_port.hpp"

#include "schemas/codec/store_messages.hpp"

namespace graphite {

namespace {

constexpr duration lapse_period = seconds(5);  ///< between looks for uploads that nobody goes on with

stores::reply no(const error& why) { return {refusal{why.code, why.context}, {}}; }

}  // namespace

store_port::store_port(chunk_store& store, const hasher& hash, const clock_source& clock,
                       store_uploads::options uploads)
    : store_(store), clock_(clock), service_(store, hash, uploads) {}

std::optional<store_handler::frames> store_port::handle(ticket request, const std::optional<curve_key>& peer,
                                                        std::span<const byte_span> message) {
  const auto decoded = decode_store_request(message);
  if (!decoded) return encode_store_reply(no(decoded.error()));
  const auto now = clock_.now();
  const std::lock_guard lock(mutex_);
  if (now - lapsed_ >= lapse_period) {
    lapsed_ = now;
    service_.lapse(now);
  }
  auto reply = service_.answer(request, peer.value_or(curve_key{}), *decoded, message.subspan(1), now);
  if (!reply) return std::nullopt;
  return encode_store_reply(std::move(*reply));
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

}  // namespace graphite
