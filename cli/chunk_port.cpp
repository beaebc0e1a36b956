#include "cli/chunk_port.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/messages/zap.hpp"
#include "schemas/codec/chunk_messages.hpp"

namespace graphite {

namespace {

chunk_reply refusal_of(const error& why) { return {refusal{why.code, why.context.substr(0, 400)}, {}}; }

/// `reply` to the ranges that belong to the channel as one to all: the others are absent.
chunk_reply with_absent(chunk_reply reply, const std::vector<bool>& belong) {
  auto* const header = std::get_if<contents_reply>(&reply.header);
  if (header == nullptr) return reply;
  contents_reply out;
  std::size_t next = 0;
  for (const bool mine : belong) {
    if (mine && next == header->pieces.size()) break;  // the credit is used up
    out.pieces.push_back(mine ? header->pieces[next++] : contents_reply::piece{true, 0});
  }
  reply.header = std::move(out);
  return reply;
}

}  // namespace

chunk_port::chunk_port(chunk_service service, const clock_source& clock,
                       std::optional<chunk_port_security> security)
    : service_(std::move(service)),
      clock_(clock),
      security_(std::move(security)),
      limits_(security_ ? security_->limits : request_limits::options{}),
      logged_(security_ ? security_->log : nullptr, security_ ? security_->lines : event_rate{},
              "the chunk port's clients") {}

void chunk_port::set_endpoints(std::string heads, std::string chunks) {
  const std::lock_guard lock(mutex_);
  heads_ = std::move(heads);
  chunks_ = std::move(chunks);
}

std::vector<byte_vector> chunk_port::handle(const std::optional<curve_key>& peer, byte_span request) {
  if (security_) {
    if (!peer) return {};
    auto reply = answer_secured(*peer, request);
    return encode(reply ? std::move(*reply) : refusal_of(reply.error()));
  }
  const auto decoded = decode_chunk_request(request);
  if (!decoded) return encode(refusal_of(decoded.error()));
  return encode(answer({{}, decoded->what}));
}

chunk_reply chunk_port::answer(const scoped_request& request) {
  if (const auto* ack = std::get_if<ack_request>(&request.what)) {
    const std::lock_guard lock(mutex_);
    acks_.note(*ack, clock_.now());
    return {ack_reply{}, {}};
  }
  return service_.answer(request);
}

result<chunk_reply> chunk_port::answer_secured(const curve_key& peer, byte_span request) {
  const bool known = security_->gate->admits(served_port::heads, peer);
  {
    const std::lock_guard lock(mutex_);
    GRAPHITE_CHECK(known ? limits_.take_request(peer, clock_.now())
                         : limits_.take_enrolment(peer, clock_.now()));
  }
  if (!known && request.size() > chunk_port_limits::welcome_bytes_max)
    return fail(errc::too_large, fmt::format("{} bytes from a client that has not enrolled", request.size()));
  GRAPHITE_TRY(const auto decoded, decode_chunk_request(request));
  if (const auto* in = std::get_if<welcome_request>(&decoded.what)) return welcome(peer, *in);
  GRAPHITE_CHECK(check_grant(peer, decoded.channel));
  return checked(decoded);
}

result<void> chunk_port::check_grant(const curve_key& peer, std::string_view channel) {
  auto may = security_->gate->check(peer, channel);
  if (!may)
    log(log_level::warning,
        fmt::format("refused a request of {}: {}", user_id_of(peer), may.error().context));
  return may;
}

/// `request` is of a client that may have its channel.
result<chunk_reply> chunk_port::checked(const scoped_request& request) {
  const auto* contents = std::get_if<contents_request>(&request.what);
  if (contents == nullptr) {
    GRAPHITE_CHECK(security_->kept->check(request));
    return answer(request);
  }
  GRAPHITE_TRY(const auto belong, security_->kept->belonging(request.channel, contents->ranges));
  contents_request mine{{}, contents->credit_bytes};
  for (std::size_t i = 0; i < belong.size(); ++i)
    if (belong[i]) mine.ranges.push_back(contents->ranges[i]);
  return with_absent(answer({request.channel, std::move(mine)}), belong);
}

result<chunk_reply> chunk_port::welcome(const curve_key& peer, const welcome_request& request) {
  // A client that has a grant pays for the signatures, too.
  if (security_->gate->admits(served_port::heads, peer)) {
    const std::lock_guard lock(mutex_);
    GRAPHITE_CHECK(limits_.take_enrolment(peer, clock_.now()));
  }
  const auto how = security_->gate->enrol(peer, request.tickets);
  tell(peer, how);
  if (!how) return tl::unexpected(how.error());
  welcome_reply out;
  for (const auto& grant : how->grants) out.grants.push_back({grant.channel, grant.until_unix_ns});
  if (!how->refused.empty()) out.refused = how->refused.front();
  const std::lock_guard lock(mutex_);
  out.heads = heads_;
  out.chunks = chunks_;
  return chunk_reply{std::move(out), {}};
}

void chunk_port::log(log_level level, std::string_view text) {
  const std::lock_guard lock(mutex_);
  logged_.write(level, text, clock_.now());
}

void chunk_port::tell(const curve_key& peer, const result<enrolled>& how) {
  const auto id = user_id_of(peer);
  if (!how) return log(log_level::warning, fmt::format("refused to enrol {}: {}", id, how.error().context));
  for (const auto& why : how->refused) log(log_level::warning, fmt::format("a ticket of {}: {}", id, why));
  for (const auto& grant : how->grants)
    log(log_level::info, fmt::format("enrolled {} for channel {}", id, grant.channel));
}

std::vector<ack_summary::peer> chunk_port::peers() {
  const std::lock_guard lock(mutex_);
  acks_.expire(clock_.now());
  return acks_.peers();
}

}  // namespace graphite
