#include <fmt/format.h>

#include "core/channel_name.hpp"
#include "core/credentials.hpp"
#include "heads.capnp.h"
#include "schemas/codec/announcement.hpp"
#include "schemas/codec/wire_bytes.hpp"

namespace graphite {
namespace {

void write_channel(wire::ChannelState::Builder out, const channel_state& in) {
  out.setName(in.channel);
  out.setLineage(wire::to_data(in.lineage.value));
  out.setEpoch(in.epoch.value);
  out.setSequence(in.sequence.value);
  out.setRoot(wire::to_data(in.root));
  out.setExpires(in.expires_unix_ns);
  out.setSignature(wire::to_data(in.signature));
}

result<channel_state> read_channel(wire::ChannelState::Reader in) {
  channel_state out;
  GRAPHITE_TRY(out.channel, wire::to_text(in.getName(), channel_name_bytes_max));
  if (!is_channel_name(out.channel)) return fail(errc::corrupt, "not a channel's name");
  GRAPHITE_TRY(out.lineage.value, wire::to_uuid(in.getLineage()));
  GRAPHITE_TRY(out.root, wire::to_digest(in.getRoot()));
  GRAPHITE_TRY(out.signature, wire::to_bytes(in.getSignature(), announcement::signature_bytes_max));
  out.epoch.value = in.getEpoch();
  out.sequence.value = in.getSequence();
  out.expires_unix_ns = in.getExpires();
  return out;
}

result<trust_news> read_news(wire::Heartbeat::Reader in) {
  trust_news out;
  const auto vouchers = in.getVouchers();
  if (vouchers.size() > trust_news::vouchers_max) return fail(errc::too_large, "too many successions");
  for (const auto one : vouchers) {
    GRAPHITE_TRY(auto bytes, wire::to_bytes(one, trust_news::voucher_bytes_max));
    out.vouchers.push_back(std::move(bytes));
  }
  GRAPHITE_TRY(out.revocations, wire::to_bytes(in.getRevocations(), trust_news::revocations_bytes_max));
  out.longer.bytes = in.getRevocationsBytes();
  if (out.longer.bytes == 0) return out;
  if (out.longer.bytes > revocations_bytes_max)
    return fail(errc::too_large, "too long a list of revoked keys");
  GRAPHITE_TRY(out.longer.id, wire::to_digest(in.getRevocationsName()));
  return out;
}

result<heartbeat> read(wire::Heartbeat::Reader in) {
  heartbeat out;
  GRAPHITE_TRY(out.place.publisher.value, wire::to_uuid(in.getPublisher()));
  GRAPHITE_TRY(out.place.chunk_host, wire::to_text(in.getChunkHost(), heartbeat::host_bytes_max));
  out.place.chunk_port = in.getChunkPort();
  const auto channels = in.getChannels();
  if (channels.size() > heartbeat::channels_max) return fail(errc::too_large, "too many channels");
  for (const auto channel : channels) {
    GRAPHITE_TRY(auto state, read_channel(channel));
    if (!out.channels.empty() && out.channels.back().channel >= state.channel)
      return fail(errc::corrupt, "channels out of order");
    out.channels.push_back(std::move(state));
  }
  GRAPHITE_TRY(out.news, read_news(in));
  return out;
}

}  // namespace

byte_vector encode(const heartbeat& message) {
  capnp::MallocMessageBuilder builder(static_cast<unsigned>(64 + 48 * message.channels.size()));
  auto out = builder.initRoot<wire::Heartbeat>();
  out.setPublisher(wire::to_data(message.place.publisher.value));
  out.setChunkHost(message.place.chunk_host);
  out.setChunkPort(message.place.chunk_port);
  auto channels = out.initChannels(static_cast<unsigned>(message.channels.size()));
  for (unsigned i = 0; i < channels.size(); ++i) write_channel(channels[i], message.channels[i]);
  auto vouchers = out.initVouchers(static_cast<unsigned>(message.news.vouchers.size()));
  for (unsigned i = 0; i < vouchers.size(); ++i) vouchers.set(i, wire::to_data(message.news.vouchers[i]));
  out.setRevocations(wire::to_data(message.news.revocations));
  if (message.news.longer.bytes != 0) {
    out.setRevocationsName(wire::to_data(message.news.longer.id));
    out.setRevocationsBytes(message.news.longer.bytes);
  }
  return wire::to_message(builder);
}

result<heartbeat> decode_heartbeat(byte_span bytes) {
  return wire::read_message<wire::Heartbeat, heartbeat>(bytes, heartbeat::message_bytes_max,
                                                        [](auto root) { return read(root); });
}

}  // namespace graphite
