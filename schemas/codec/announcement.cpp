#include "schemas/codec/announcement.hpp"

#include <fmt/format.h>

#include "heads.capnp.h"
#include "schemas/codec/wire_bytes.hpp"

namespace graphite {
namespace {

void write_times(wire::Times::Builder out, const announced_times& times) {
  out.setEdited(to_ns(times.edited));
  out.setNoticed(to_ns(times.noticed));
  out.setHashed(to_ns(times.hashed));
  out.setInvalidated(to_ns(times.invalidated));
  out.setScheduled(to_ns(times.scheduled));
  out.setBuilt(to_ns(times.built));
  out.setPublished(to_ns(times.published));
}

announced_times read_times(wire::Times::Reader in) {
  announced_times out;
  out.edited = time_from_ns(in.getEdited());
  out.noticed = time_from_ns(in.getNoticed());
  out.hashed = time_from_ns(in.getHashed());
  out.invalidated = time_from_ns(in.getInvalidated());
  out.scheduled = time_from_ns(in.getScheduled());
  out.built = time_from_ns(in.getBuilt());
  out.published = time_from_ns(in.getPublished());
  return out;
}

void write_list(wire::ChunkList::Builder out, const announced_list& in) {
  const auto& chunks = in.list.chunks;
  out.setContent(wire::to_data(in.content));
  auto digests = out.initDigests(static_cast<unsigned>(chunks.size() * 32));
  auto sizes = out.initSizes(static_cast<unsigned>(chunks.size()));
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    std::memcpy(digests.begin() + 32 * i, chunks[i].id.bytes.data(), 32);
    sizes.set(static_cast<unsigned>(i), chunks[i].size);
  }
}

void write_chunks(wire::Announcement::Builder out, const announcement& in) {
  auto lists = out.initLists(static_cast<unsigned>(in.lists.size()));
  for (unsigned i = 0; i < lists.size(); ++i) write_list(lists[i], in.lists[i]);
  auto chunks = out.initChunks(static_cast<unsigned>(in.chunks.size()));
  for (unsigned i = 0; i < chunks.size(); ++i) {
    chunks[i].setDigest(wire::to_data(in.chunks[i].id));
    chunks[i].setBytes(wire::to_data(in.chunks[i].bytes));
  }
}

void write_entries(wire::Announcement::Builder out, const announcement& in) {
  auto upserts = out.initUpserts(static_cast<unsigned>(in.upserts.size()));
  for (unsigned i = 0; i < upserts.size(); ++i) upserts.set(i, wire::to_data(in.upserts[i]));
  auto removals = out.initRemovals(static_cast<unsigned>(in.removals.size()));
  for (unsigned i = 0; i < removals.size(); ++i) removals.set(i, in.removals[i].str());
}

/// Bytes for the first segment, so that the usual message is one segment.
unsigned first_segment_words(const announcement& in) {
  std::size_t bytes = 1024 + in.head.size();
  for (const auto& record : in.upserts) bytes += record.size() + 16;
  for (const auto& path : in.removals) bytes += path.str().size() + 16;
  for (const auto& list : in.lists) bytes += 36 * list.list.chunks.size() + 64;
  for (const auto& chunk : in.chunks) bytes += chunk.bytes.size() + 64;
  return static_cast<unsigned>(bytes / sizeof(capnp::word));
}

result<void> read_identity(announcement& out, wire::Announcement::Reader in) {
  GRAPHITE_TRY(out.head, wire::to_bytes(in.getHead(), announcement::head_bytes_max));
  GRAPHITE_TRY(out.signature, wire::to_bytes(in.getSignature(), announcement::signature_bytes_max));
  GRAPHITE_TRY(out.base_root, wire::to_digest(in.getBaseRoot()));
  GRAPHITE_TRY(out.clock, wire::to_uuid(in.getClock()));
  out.base_epoch.value = in.getBaseEpoch();
  out.base_sequence.value = in.getBaseSequence();
  out.complete = in.getComplete();
  out.times = read_times(in.getTimes());
  out.trace.value = in.getTrace();
  return {};
}

result<void> read_upserts(announcement& out, wire::Announcement::Reader in) {
  const auto upserts = in.getUpserts();
  if (upserts.size() > announcement::entries_max) return fail(errc::too_large, "too many changed assets");
  out.upserts.reserve(upserts.size());
  for (const auto record : upserts) {
    GRAPHITE_TRY(auto bytes, wire::to_bytes(record, announcement::record_bytes_max));
    out.upserts.push_back(std::move(bytes));
  }
  return {};
}

result<void> read_removals(announcement& out, wire::Announcement::Reader in) {
  const auto removals = in.getRemovals();
  if (removals.size() > announcement::entries_max) return fail(errc::too_large, "too many removed assets");
  out.removals.reserve(removals.size());
  for (const auto text : removals) {
    auto path = logical_path::parse({text.begin(), text.size()});
    if (!path) return fail(errc::corrupt, "removal: " + path.error().context);
    if (!out.removals.empty() && !(out.removals.back() < *path))
      return fail(errc::corrupt, "removals out of order");
    out.removals.push_back(std::move(*path));
  }
  return {};
}

result<announced_list> read_list(wire::ChunkList::Reader in, std::size_t room) {
  announced_list out;
  GRAPHITE_TRY(out.content, wire::to_digest(in.getContent()));
  const auto digests = in.getDigests();
  const auto sizes = in.getSizes();
  if (sizes.size() > room) return fail(errc::too_large, "too many listed chunks");
  if (digests.size() != std::size_t{sizes.size()} * 32)
    return fail(errc::corrupt, "a chunk list with loose ends");
  out.list.chunks.resize(sizes.size());
  for (unsigned i = 0; i < sizes.size(); ++i) {
    std::memcpy(out.list.chunks[i].id.bytes.data(), digests.begin() + std::size_t{32} * i, 32);
    out.list.chunks[i].size = sizes[i];
  }
  return out;
}

result<void> read_lists(announcement& out, wire::Announcement::Reader in) {
  const auto lists = in.getLists();
  if (lists.size() > announcement::lists_max) return fail(errc::too_large, "too many chunk lists");
  std::size_t room = announcement::listed_chunks_max;
  for (const auto list : lists) {
    GRAPHITE_TRY(auto value, read_list(list, room));
    room -= value.list.chunks.size();
    out.lists.push_back(std::move(value));
  }
  return {};
}

result<void> read_chunks(announcement& out, wire::Announcement::Reader in) {
  const auto chunks = in.getChunks();
  if (chunks.size() > announcement::chunks_max) return fail(errc::too_large, "too many inline chunks");
  std::size_t room = inline_bytes_max;
  for (const auto chunk : chunks) {
    announced_chunk value;
    GRAPHITE_TRY(value.id, wire::to_digest(chunk.getDigest()));
    GRAPHITE_TRY(value.bytes, wire::to_bytes(chunk.getBytes(), room));
    room -= value.bytes.size();
    out.chunks.push_back(std::move(value));
  }
  return {};
}

result<announcement> read(wire::Announcement::Reader in) {
  announcement out;
  GRAPHITE_CHECK(read_identity(out, in));
  GRAPHITE_CHECK(read_upserts(out, in));
  GRAPHITE_CHECK(read_removals(out, in));
  GRAPHITE_CHECK(read_lists(out, in));
  GRAPHITE_CHECK(read_chunks(out, in));
  if (!out.complete && !(out.upserts.empty() && out.removals.empty()))
    return fail(errc::corrupt, "an incomplete announcement with entries");
  return out;
}

}  // namespace

byte_vector encode(const announcement& message) {
  capnp::MallocMessageBuilder builder(first_segment_words(message));
  auto out = builder.initRoot<wire::Announcement>();
  out.setHead(wire::to_data(message.head));
  out.setSignature(wire::to_data(message.signature));
  out.setBaseRoot(wire::to_data(message.base_root));
  out.setBaseEpoch(message.base_epoch.value);
  out.setBaseSequence(message.base_sequence.value);
  out.setComplete(message.complete);
  out.setClock(wire::to_data(message.clock));
  out.setTrace(message.trace.value);
  write_times(out.initTimes(), message.times);
  write_entries(out, message);
  write_chunks(out, message);
  return wire::to_message(builder);
}

result<announcement> decode_announcement(byte_span bytes) {
  return wire::read_message<wire::Announcement, announcement>(bytes, announcement::message_bytes_max,
                                                              [](auto root) { return read(root); });
}

}  // namespace graphite
