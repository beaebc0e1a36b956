#include "schemas/codec/chunk_messages.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "chunks.capnp.h"
#include "core/channel_name.hpp"
#include "core/messages/heads.hpp"
#include "schemas/codec/wire_bytes.hpp"

namespace graphite {
namespace {

using limits = chunk_port_limits;

struct request_writer {
  wire::Request::Builder out;

  void operator()(const snapshot_request& in) { out.setSnapshot(in.channel); }
  void operator()(const list_request& in) {
    out.setList(wire::to_data(in.content));
    out.setAsset(in.asset.value);
  }
  void operator()(const behind_request& in) { out.setBehind(wire::to_data(in.content)); }
  void operator()(const revocations_request& in) {
    auto piece = out.initRevocations();
    piece.setList(wire::to_data(in.list));
    piece.setOffset(in.offset);
  }
  void operator()(const pages_request& in) {
    auto pages = out.initPages(static_cast<unsigned>(in.pages.size()));
    for (unsigned i = 0; i < pages.size(); ++i) pages.set(i, wire::to_data(in.pages[i]));
  }
  void operator()(const contents_request& in) {
    auto contents = out.initContents();
    contents.setCredit(in.credit_bytes);
    auto ranges = contents.initRanges(static_cast<unsigned>(in.ranges.size()));
    for (unsigned i = 0; i < ranges.size(); ++i) {
      ranges[i].setContent(wire::to_data(in.ranges[i].content));
      ranges[i].setFirst(in.ranges[i].first);
      ranges[i].setCount(in.ranges[i].count);
      ranges[i].setAsset(in.ranges[i].asset.value);
    }
  }
  void operator()(const welcome_request& in) {
    auto welcome = out.initWelcome();
    welcome.setWho(wire::to_data(in.who.value));
    auto tickets = welcome.initTickets(static_cast<unsigned>(in.tickets.size()));
    for (unsigned i = 0; i < tickets.size(); ++i) tickets.set(i, wire::to_data(in.tickets[i]));
  }
  void operator()(const ack_request& in) {
    auto ack = out.initAck();
    ack.setWho(wire::to_data(in.who.value));
    ack.setName(in.name);
    ack.setChannel(in.channel);
    ack.setLineage(wire::to_data(in.lineage.value));
    ack.setAcceptedEpoch(in.accepted_epoch.value);
    ack.setAcceptedSequence(in.accepted_sequence.value);
    ack.setActiveEpoch(in.active_epoch.value);
    ack.setActiveSequence(in.active_sequence.value);
    ack.setActiveRoot(wire::to_data(in.active_root));
  }
};

result<std::string> read_channel_name(capnp::Text::Reader text) {
  GRAPHITE_TRY(auto name, wire::to_text(text, channel_name_bytes_max));
  if (!is_channel_name(name)) return fail(errc::corrupt, "not a channel's name");
  return name;
}

result<chunk_request> read_pages(capnp::List<capnp::Data>::Reader in) {
  if (in.size() > limits::pages_max) return fail(errc::too_large, "too many pages asked for");
  pages_request out;
  for (const auto page : in) {
    GRAPHITE_TRY(auto id, wire::to_digest(page));
    out.pages.push_back(id);
  }
  return chunk_request(std::move(out));
}

result<chunk_request> read_contents(wire::Contents::Reader in) {
  const auto ranges = in.getRanges();
  if (ranges.size() > limits::ranges_max) return fail(errc::too_large, "too many ranges asked for");
  contents_request out;
  out.credit_bytes = in.getCredit();
  for (const auto range : ranges) {
    chunk_range value;
    GRAPHITE_TRY(value.content, wire::to_digest(range.getContent()));
    value.first = range.getFirst();
    value.count = range.getCount();
    value.asset.value = range.getAsset();
    out.ranges.push_back(value);
  }
  return chunk_request(std::move(out));
}

result<chunk_request> read_ack(wire::Ack::Reader in) {
  ack_request out;
  GRAPHITE_TRY(out.who.value, wire::to_uuid(in.getWho()));
  GRAPHITE_TRY(out.name, wire::to_text(in.getName(), limits::name_bytes_max));
  GRAPHITE_TRY(out.channel, read_channel_name(in.getChannel()));
  GRAPHITE_TRY(out.lineage.value, wire::to_uuid(in.getLineage()));
  GRAPHITE_TRY(out.active_root, wire::to_digest(in.getActiveRoot()));
  out.accepted_epoch.value = in.getAcceptedEpoch();
  out.accepted_sequence.value = in.getAcceptedSequence();
  out.active_epoch.value = in.getActiveEpoch();
  out.active_sequence.value = in.getActiveSequence();
  return chunk_request(std::move(out));
}

result<chunk_request> read_welcome(wire::Welcome::Reader in) {
  welcome_request out;
  GRAPHITE_TRY(out.who.value, wire::to_uuid(in.getWho()));
  const auto tickets = in.getTickets();
  if (tickets.size() > limits::tickets_max) return fail(errc::too_large, "too many tickets shown");
  for (const auto ticket : tickets) {
    GRAPHITE_TRY(auto bytes, wire::to_bytes(ticket, ticket_bytes_max));
    out.tickets.push_back(std::move(bytes));
  }
  return chunk_request(std::move(out));
}

result<chunk_request> read_verb(wire::Request::Reader in) {
  switch (in.which()) {
    case wire::Request::WELCOME:
      return read_welcome(in.getWelcome());
    case wire::Request::SNAPSHOT: {
      GRAPHITE_TRY(auto name, read_channel_name(in.getSnapshot()));
      return chunk_request(snapshot_request{std::move(name)});
    }
    case wire::Request::PAGES:
      return read_pages(in.getPages());
    case wire::Request::LIST: {
      GRAPHITE_TRY(auto content, wire::to_digest(in.getList()));
      return chunk_request(list_request{content, asset_id{in.getAsset()}});
    }
    case wire::Request::CONTENTS:
      return read_contents(in.getContents());
    case wire::Request::BEHIND: {
      GRAPHITE_TRY(auto content, wire::to_digest(in.getBehind()));
      return chunk_request(behind_request{content});
    }
    case wire::Request::ACK:
      return read_ack(in.getAck());
    case wire::Request::REVOCATIONS: {
      GRAPHITE_TRY(auto list, wire::to_digest(in.getRevocations().getList()));
      return chunk_request(revocations_request{list, in.getRevocations().getOffset()});
    }
  }
  return fail(errc::unsupported, "a verb this version does not know");
}

result<scoped_request> read(wire::Request::Reader in) {
  scoped_request out;
  if (in.getChannel().size() != 0) {
    GRAPHITE_TRY(out.channel, read_channel_name(in.getChannel()));
  }
  GRAPHITE_TRY(out.what, read_verb(in));
  return out;
}

struct reply_writer {
  wire::Reply::Builder out;

  void operator()(const refusal& in) {
    auto refused = out.initRefused();
    refused.setCode(static_cast<std::uint16_t>(in.code));
    refused.setMessage(in.message.substr(0, limits::message_text_max));
  }
  void operator()(const snapshot_reply& in) {
    auto snapshot = out.initSnapshot();
    snapshot.setPages(in.pages);
    snapshot.setBytes(in.bytes);
  }
  void operator()(const pages_reply& in) {
    auto present = out.initPages(static_cast<unsigned>(in.present.size()));
    for (unsigned i = 0; i < present.size(); ++i) present.set(i, in.present[i]);
  }
  void operator()(const list_reply&) { out.setList(); }
  void operator()(const contents_reply& in) {
    auto pieces = out.initContents(static_cast<unsigned>(in.pieces.size()));
    for (unsigned i = 0; i < pieces.size(); ++i) {
      pieces[i].setAbsent(in.pieces[i].absent);
      pieces[i].setChunks(in.pieces[i].chunks);
    }
  }
  void operator()(const behind_reply&) { out.setBehind(); }
  void operator()(const ack_reply&) { out.setAck(); }
  void operator()(const revocations_reply&) { out.setRevocations(); }
  void operator()(const welcome_reply& in) {
    auto welcome = out.initWelcome();
    welcome.setHeads(in.heads);
    welcome.setChunks(in.chunks);
    welcome.setRefused(in.refused.substr(0, limits::message_text_max));
    auto grants = welcome.initGrants(static_cast<unsigned>(in.grants.size()));
    for (unsigned i = 0; i < grants.size(); ++i) {
      grants[i].setChannel(in.grants[i].channel);
      grants[i].setUntil(in.grants[i].until_unix_ns);
    }
  }
};

bool is_known(std::uint16_t code) {
  return code >= 1 && code <= static_cast<std::uint16_t>(errc::unsupported);
}

result<chunk_reply_header> read_refusal(wire::Refusal::Reader in) {
  refusal out;
  if (is_known(in.getCode())) out.code = static_cast<errc>(in.getCode());
  GRAPHITE_TRY(out.message, wire::to_text(in.getMessage(), limits::message_text_max));
  return chunk_reply_header(std::move(out));
}

result<chunk_reply_header> read_pages(capnp::List<bool>::Reader in) {
  if (in.size() > limits::pages_max) return fail(errc::too_large, "too many pages answered");
  pages_reply out;
  for (const bool present : in) out.present.push_back(present);
  return chunk_reply_header(std::move(out));
}

result<chunk_reply_header> read_pieces(capnp::List<wire::Piece>::Reader in) {
  if (in.size() > limits::ranges_max) return fail(errc::too_large, "too many ranges answered");
  contents_reply out;
  for (const auto piece : in) {
    if (piece.getAbsent() && piece.getChunks() != 0)
      return fail(errc::corrupt, "an absent content with chunks");
    out.pieces.push_back({piece.getAbsent(), piece.getChunks()});
  }
  return chunk_reply_header(std::move(out));
}

result<chunk_reply_header> read_endpoints(wire::Endpoints::Reader in) {
  welcome_reply out;
  GRAPHITE_TRY(out.heads, wire::to_text(in.getHeads(), limits::address_bytes_max));
  GRAPHITE_TRY(out.chunks, wire::to_text(in.getChunks(), limits::address_bytes_max));
  GRAPHITE_TRY(out.refused, wire::to_text(in.getRefused(), limits::message_text_max));
  const auto grants = in.getGrants();
  if (grants.size() > limits::grants_max) return fail(errc::too_large, "too many grants told");
  for (const auto grant : grants) {
    GRAPHITE_TRY(auto channel, read_channel_name(grant.getChannel()));
    if (!out.grants.empty() && out.grants.back().channel >= channel)
      return fail(errc::corrupt, "grants out of order");
    out.grants.push_back({std::move(channel), grant.getUntil()});
  }
  return chunk_reply_header(std::move(out));
}

result<chunk_reply_header> read(wire::Reply::Reader in) {
  switch (in.which()) {
    case wire::Reply::REFUSED:
      return read_refusal(in.getRefused());
    case wire::Reply::WELCOME:
      return read_endpoints(in.getWelcome());
    case wire::Reply::SNAPSHOT:
      return chunk_reply_header(snapshot_reply{in.getSnapshot().getPages(), in.getSnapshot().getBytes()});
    case wire::Reply::PAGES:
      return read_pages(in.getPages());
    case wire::Reply::LIST:
      return chunk_reply_header(list_reply{});
    case wire::Reply::CONTENTS:
      return read_pieces(in.getContents());
    case wire::Reply::BEHIND:
      return chunk_reply_header(behind_reply{});
    case wire::Reply::ACK:
      return chunk_reply_header(ack_reply{});
    case wire::Reply::REVOCATIONS:
      return chunk_reply_header(revocations_reply{});
  }
  return fail(errc::unsupported, "an answer this version does not know");
}

/// How many raw frames a header promises, at least and at most, and how large each may be.
struct frame_rule {
  std::size_t least = 0, most = 0, bytes_max = 0;
};

frame_rule rule_of(const chunk_reply_header& header) {
  if (const auto* pages = std::get_if<pages_reply>(&header)) {
    const auto count =
        static_cast<std::size_t>(std::count(pages->present.begin(), pages->present.end(), true));
    return {count, count, limits::page_bytes_max};
  }
  if (const auto* contents = std::get_if<contents_reply>(&header)) {
    const auto count = static_cast<std::size_t>(std::count_if(
        contents->pieces.begin(), contents->pieces.end(), [](const auto& p) { return p.chunks > 0; }));
    return {count, count, limits::reply_bytes_max};
  }
  if (std::holds_alternative<snapshot_reply>(header))
    return {1, limits::frames_max - 1, limits::page_bytes_max};
  if (std::holds_alternative<list_reply>(header)) return {1, 2, limits::list_bytes_max};
  if (std::holds_alternative<behind_reply>(header)) return {1, 1, limits::list_bytes_max};
  if (std::holds_alternative<revocations_reply>(header)) return {1, 1, limits::revocations_piece_bytes};
  return {};
}

result<void> check_frames(const chunk_reply& reply) {
  const frame_rule rule = rule_of(reply.header);
  if (reply.frames.size() < rule.least || reply.frames.size() > rule.most)
    return fail(errc::corrupt, fmt::format("{} raw frames do not fit the header", reply.frames.size()));
  for (const auto& frame : reply.frames)
    if (frame.size() > rule.bytes_max)
      return fail(errc::too_large, fmt::format("a frame of {} bytes", frame.size()));
  return {};
}

}  // namespace

byte_vector encode(const scoped_request& message) { return encode(message.what, message.channel); }

byte_vector encode(const chunk_request& message, std::string_view channel) {
  capnp::MallocMessageBuilder builder;
  auto out = builder.initRoot<wire::Request>();
  if (!channel.empty()) out.setChannel(std::string(channel));
  std::visit(request_writer{out}, message);
  return wire::to_message(builder);
}

result<scoped_request> decode_chunk_request(byte_span bytes) {
  return wire::read_message<wire::Request, scoped_request>(bytes, limits::request_bytes_max,
                                                           [](auto root) { return read(root); });
}

std::vector<byte_vector> encode(chunk_reply message) {
  capnp::MallocMessageBuilder builder;
  std::visit(reply_writer{builder.initRoot<wire::Reply>()}, message.header);
  std::vector<byte_vector> frames;
  frames.reserve(1 + message.frames.size());
  frames.push_back(wire::to_message(builder));
  for (auto& frame : message.frames) frames.push_back(std::move(frame));
  return frames;
}

result<chunk_reply> decode_chunk_reply(std::vector<byte_vector> frames) {
  if (frames.empty() || frames.size() > limits::frames_max)
    return fail(errc::corrupt, fmt::format("a reply of {} frames", frames.size()));
  auto header = wire::read_message<wire::Reply, chunk_reply_header>(frames.front(), limits::header_bytes_max,
                                                                    [](auto root) { return read(root); });
  if (!header) return tl::unexpected<error>(header.error());
  chunk_reply out{std::move(*header), {}};
  out.frames.assign(std::make_move_iterator(frames.begin() + 1), std::make_move_iterator(frames.end()));
  GRAPHITE_CHECK(check_frames(out));
  return out;
}

}  // namespace graphite
