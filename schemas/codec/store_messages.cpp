#include "schemas/codec/store_messages.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "schemas/codec/wire_bytes.hpp"
#include "stores.capnp.h"

namespace graphite {
namespace {

using port = store_port_limits;
namespace schema = wire::stores;

struct store_request_writer {
  schema::Request::Builder out;

  void operator()(const stores::enrol_request& in) {
    auto enrol = out.initEnrol();
    enrol.setStep(static_cast<schema::Step>(in.step));
    enrol.setShown(wire::to_data(in.shown));
  }
  void operator()(const stores::have_request& in) {
    auto contents = out.initHave(static_cast<unsigned>(in.contents.size()));
    for (unsigned i = 0; i < contents.size(); ++i) contents.set(i, wire::to_data(in.contents[i]));
  }
  void operator()(const stores::put_request& in) {
    auto put = out.initPut();
    put.setWho(wire::to_data(in.who.value));
    auto pieces = put.initPieces(static_cast<unsigned>(in.pieces.size()));
    for (unsigned i = 0; i < pieces.size(); ++i) {
      pieces[i].setContent(wire::to_data(in.pieces[i].content.id));
      pieces[i].setSize(in.pieces[i].content.size);
      pieces[i].setOffset(in.pieces[i].offset);
    }
  }
  void operator()(const list_request& in) { out.setList(wire::to_data(in.content)); }
  void operator()(const contents_request& in) {
    auto contents = out.initContents();
    contents.setCredit(in.credit_bytes);
    auto ranges = contents.initRanges(static_cast<unsigned>(in.ranges.size()));
    for (unsigned i = 0; i < ranges.size(); ++i) {
      ranges[i].setContent(wire::to_data(in.ranges[i].content));
      ranges[i].setFirst(in.ranges[i].first);
      ranges[i].setCount(in.ranges[i].count);
    }
  }
  void operator()(const stores::look_request& in) {
    auto contents = out.initLook(static_cast<unsigned>(in.contents.size()));
    for (unsigned i = 0; i < contents.size(); ++i) contents.set(i, wire::to_data(in.contents[i]));
  }
};

result<stores::request> read_enrol(schema::Enrol::Reader in) {
  stores::enrol_request out;
  const auto step = static_cast<std::uint16_t>(in.getStep());
  if (step > static_cast<std::uint16_t>(stores::enrol_request::what::pass))
    return fail(errc::unsupported, "a step of enrolment that this version does not know");
  out.step = static_cast<stores::enrol_request::what>(step);
  GRAPHITE_TRY(out.shown, wire::to_bytes(in.getShown(), port::credential_bytes_max));
  return stores::request(std::move(out));
}

result<stores::request> read_have(capnp::List<capnp::Data>::Reader in) {
  if (in.size() > port::contents_max) return fail(errc::too_large, "too many contents asked for");
  stores::have_request out;
  for (const auto content : in) {
    GRAPHITE_TRY(const auto id, wire::to_digest(content));
    out.contents.push_back(id);
  }
  return stores::request(std::move(out));
}

result<stores::request> read_look(capnp::List<capnp::Data>::Reader in) {
  if (in.size() > port::looks_max) return fail(errc::too_large, "too many contents to look at");
  stores::look_request out;
  for (const auto content : in) {
    GRAPHITE_TRY(const auto id, wire::to_digest(content));
    out.contents.push_back(id);
  }
  return stores::request(std::move(out));
}

result<stores::request> read_put(schema::Put::Reader in) {
  const auto pieces = in.getPieces();
  if (pieces.size() > port::pieces_max) return fail(errc::too_large, "too many pieces put");
  stores::put_request out;
  GRAPHITE_TRY(out.who.value, wire::to_uuid(in.getWho()));
  for (const auto piece : pieces) {
    stores::put_piece value;
    GRAPHITE_TRY(value.content.id, wire::to_digest(piece.getContent()));
    value.content.size = piece.getSize();
    value.offset = piece.getOffset();
    if (value.content.size > port::content_bytes_max)
      return fail(errc::too_large, fmt::format("a content of {} bytes", value.content.size));
    if (value.offset > value.content.size)
      return fail(errc::invalid_argument, "bytes beyond the end of their content");
    out.pieces.push_back(value);
  }
  return stores::request(std::move(out));
}

result<stores::request> read_ranges(schema::Contents::Reader in) {
  const auto ranges = in.getRanges();
  if (ranges.size() > port::ranges_max) return fail(errc::too_large, "too many ranges asked for");
  contents_request out;
  out.credit_bytes = in.getCredit();
  for (const auto range : ranges) {
    chunk_range value;
    GRAPHITE_TRY(value.content, wire::to_digest(range.getContent()));
    value.first = range.getFirst();
    value.count = range.getCount();
    out.ranges.push_back(value);
  }
  return stores::request(std::move(out));
}

result<stores::request> read(schema::Request::Reader in) {
  switch (in.which()) {
    case schema::Request::ENROL:
      return read_enrol(in.getEnrol());
    case schema::Request::HAVE:
      return read_have(in.getHave());
    case schema::Request::PUT:
      return read_put(in.getPut());
    case schema::Request::LIST: {
      GRAPHITE_TRY(const auto content, wire::to_digest(in.getList()));
      return stores::request(list_request{content, {}});
    }
    case schema::Request::CONTENTS:
      return read_ranges(in.getContents());
    case schema::Request::LOOK:
      return read_look(in.getLook());
  }
  return fail(errc::unsupported, "a verb this version does not know");
}

/// The bytes that come with a request are those it tells of, and no more than one may bring.
result<void> check_raw(const stores::request& message, std::span<const byte_span> raw) {
  const auto* put = std::get_if<stores::put_request>(&message);
  if (raw.size() != (put == nullptr ? 0 : put->pieces.size()))
    return fail(errc::corrupt, fmt::format("{} raw frames do not fit the request", raw.size()));
  std::size_t all = 0;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto& piece = put->pieces[i];
    if (raw[i].size() > piece.content.size - piece.offset)
      return fail(errc::invalid_argument, "bytes beyond the end of their content");
    all += raw[i].size();
  }
  if (all > port::raw_bytes_max) return fail(errc::too_large, fmt::format("{} bytes in one request", all));
  return {};
}

struct store_reply_writer {
  schema::Reply::Builder out;

  void operator()(const refusal& in) {
    auto refused = out.initRefused();
    refused.setCode(static_cast<std::uint16_t>(in.code));
    refused.setMessage(in.message.substr(0, port::text_bytes_max));
  }
  void operator()(const stores::enrol_reply& in) { out.setEnrol(wire::to_data(in.shown)); }
  void operator()(const stores::have_reply& in) {
    auto durable = out.initHave(static_cast<unsigned>(in.durable.size()));
    for (unsigned i = 0; i < durable.size(); ++i) durable.set(i, in.durable[i]);
  }
  void operator()(const stores::put_reply& in) {
    auto pieces = out.initPut(static_cast<unsigned>(in.pieces.size()));
    for (unsigned i = 0; i < pieces.size(); ++i) {
      const auto& piece = in.pieces[i];
      if (piece.state == stores::put_outcome::what::durable)
        pieces[i].setDurable();
      else if (piece.state == stores::put_outcome::what::partly)
        pieces[i].setPartly(piece.have);
      else
        pieces[i].setRefused(static_cast<std::uint16_t>(piece.code));
    }
  }
  void operator()(const list_reply&) { out.setList(); }
  void operator()(const contents_reply& in) {
    auto pieces = out.initContents(static_cast<unsigned>(in.pieces.size()));
    for (unsigned i = 0; i < pieces.size(); ++i) {
      pieces[i].setAbsent(in.pieces[i].absent);
      pieces[i].setChunks(in.pieces[i].chunks);
    }
  }
  void operator()(const stores::look_reply&) { out.setLook(); }
};

/// A code that this version does not know says no more than that it did not work.
errc store_errc(std::uint16_t code) {
  const bool known = code >= 1 && code <= static_cast<std::uint16_t>(errc::unsupported);
  return known ? static_cast<errc>(code) : errc::unavailable;
}

result<stores::reply_header> read_refused(schema::Refusal::Reader in) {
  refusal out;
  out.code = store_errc(in.getCode());
  GRAPHITE_TRY(out.message, wire::to_text(in.getMessage(), port::text_bytes_max));
  return stores::reply_header(std::move(out));
}

result<stores::reply_header> read_durable(capnp::List<bool>::Reader in) {
  if (in.size() > port::contents_max) return fail(errc::too_large, "too many contents answered");
  stores::have_reply out;
  for (const bool durable : in) out.durable.push_back(durable);
  return stores::reply_header(std::move(out));
}

result<stores::reply_header> read_outcomes(capnp::List<schema::Outcome>::Reader in) {
  if (in.size() > port::pieces_max) return fail(errc::too_large, "too many pieces answered");
  using what = stores::put_outcome::what;
  stores::put_reply out;
  for (const auto outcome : in) {
    switch (outcome.which()) {
      case schema::Outcome::DURABLE:
        out.pieces.push_back({what::durable, 0, errc::unavailable});
        continue;
      case schema::Outcome::PARTLY:
        out.pieces.push_back({what::partly, outcome.getPartly(), errc::unavailable});
        continue;
      case schema::Outcome::REFUSED:
        out.pieces.push_back({what::refused, 0, store_errc(outcome.getRefused())});
        continue;
    }
    return fail(errc::unsupported, "an outcome this version does not know");
  }
  return stores::reply_header(std::move(out));
}

result<stores::reply_header> read_sent(capnp::List<schema::Sent>::Reader in) {
  if (in.size() > port::ranges_max) return fail(errc::too_large, "too many ranges answered");
  contents_reply out;
  for (const auto piece : in) {
    if (piece.getAbsent() && piece.getChunks() != 0)
      return fail(errc::corrupt, "an absent content with chunks");
    out.pieces.push_back({piece.getAbsent(), piece.getChunks()});
  }
  return stores::reply_header(std::move(out));
}

result<stores::reply_header> read(schema::Reply::Reader in) {
  switch (in.which()) {
    case schema::Reply::REFUSED:
      return read_refused(in.getRefused());
    case schema::Reply::ENROL: {
      GRAPHITE_TRY(auto shown, wire::to_bytes(in.getEnrol(), port::credential_bytes_max));
      return stores::reply_header(stores::enrol_reply{std::move(shown)});
    }
    case schema::Reply::HAVE:
      return read_durable(in.getHave());
    case schema::Reply::PUT:
      return read_outcomes(in.getPut());
    case schema::Reply::LIST:
      return stores::reply_header(list_reply{});
    case schema::Reply::CONTENTS:
      return read_sent(in.getContents());
    case schema::Reply::LOOK:
      return stores::reply_header(stores::look_reply{});
  }
  return fail(errc::unsupported, "an answer this version does not know");
}

/// How many raw frames a header promises, at least and at most, and how large all may be together.
struct raw_rule {
  std::size_t least = 0, most = 0, bytes_max = 0;
};

raw_rule raw_rule_of(const stores::reply_header& header) {
  if (const auto* contents = std::get_if<contents_reply>(&header)) {
    const auto count = static_cast<std::size_t>(std::count_if(
        contents->pieces.begin(), contents->pieces.end(), [](const auto& p) { return p.chunks > 0; }));
    return {count, count, port::raw_bytes_max};
  }
  if (std::holds_alternative<list_reply>(header)) return {1, 2, port::list_bytes_max};
  return {};
}

result<void> check_raw(const stores::reply& reply) {
  const auto rule = raw_rule_of(reply.header);
  if (reply.frames.size() < rule.least || reply.frames.size() > rule.most)
    return fail(errc::corrupt, fmt::format("{} raw frames do not fit the header", reply.frames.size()));
  std::size_t all = 0;
  for (const auto& frame : reply.frames) all += frame.size();
  if (all > rule.bytes_max) return fail(errc::too_large, fmt::format("{} bytes in one reply", all));
  return {};
}

}  // namespace

byte_vector encode_store_request(const stores::request& message) {
  capnp::MallocMessageBuilder builder;
  std::visit(store_request_writer{builder.initRoot<schema::Request>()}, message);
  return wire::to_message(builder);
}

result<stores::request> decode_store_request(std::span<const byte_span> frames) {
  if (frames.empty() || frames.size() > port::frames_max)
    return fail(errc::corrupt, fmt::format("a request of {} frames", frames.size()));
  auto out = wire::read_message<schema::Request, stores::request>(frames.front(), port::header_bytes_max,
                                                                  [](auto root) { return read(root); });
  if (out) GRAPHITE_CHECK(check_raw(*out, frames.subspan(1)));
  return out;
}

std::vector<byte_vector> encode_store_reply(stores::reply message) {
  capnp::MallocMessageBuilder builder;
  std::visit(store_reply_writer{builder.initRoot<schema::Reply>()}, message.header);
  std::vector<byte_vector> frames;
  frames.reserve(1 + message.frames.size());
  frames.push_back(wire::to_message(builder));
  for (auto& frame : message.frames) frames.push_back(std::move(frame));
  return frames;
}

result<stores::reply> decode_store_reply(std::vector<byte_vector> frames) {
  if (frames.empty() || frames.size() > port::frames_max)
    return fail(errc::corrupt, fmt::format("a reply of {} frames", frames.size()));
  auto header = wire::read_message<schema::Reply, stores::reply_header>(
      frames.front(), port::header_bytes_max, [](auto root) { return read(root); });
  if (!header) return tl::unexpected<error>(header.error());
  stores::reply out{std::move(*header), {}};
  out.frames.assign(std::make_move_iterator(frames.begin() + 1), std::make_move_iterator(frames.end()));
  GRAPHITE_CHECK(check_raw(out));
  return out;
}

}  // namespace graphite
