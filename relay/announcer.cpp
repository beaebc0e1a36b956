#include "relay/announcer.hpp"

#include <algorithm>
#include <set>

#include "bundle/head_signature.hpp"
#include "bundle/record_bytes.hpp"

namespace graphite {
namespace {

/// Room for all but the inline chunks, with a margin for Cap'n Proto's pointers.
constexpr std::size_t entries_bytes_max = announcement::message_bytes_max - inline_bytes_max - 64 * KiB;

/// Changed records and removals, all or none of them.
bool add_entries(announcement& out, const asset_changes& changes, const hasher& hash) {
  if (changes.upserts.size() > announcement::entries_max ||
      changes.removals.size() > announcement::entries_max)
    return false;
  std::size_t bytes = 0;
  for (const auto& path : changes.removals) bytes += path.str().size() + 16;
  for (const auto& record : changes.upserts) {
    out.upserts.push_back(encode_record(record, hash));
    bytes += out.upserts.back().size() + 16;
    if (bytes > entries_bytes_max) return false;
  }
  out.removals = changes.removals;
  return bytes <= entries_bytes_max;
}

/// Each changed content once, smallest first.
std::vector<asset_part> contents_of(const asset_changes& changes) {
  std::vector<asset_part> out;
  for (const auto& record : changes.upserts) out.insert(out.end(), record.parts.begin(), record.parts.end());
  const auto key = [](const asset_part& part) { return std::pair(part.content.size, part.content.id); };
  std::sort(out.begin(), out.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  out.erase(
      std::unique(out.begin(), out.end(), [&](const auto& a, const auto& b) { return key(a) == key(b); }),
      out.end());
  return out;
}

void add_chunks(announcement& out, const std::vector<asset_part>& contents, const announcer_source& source) {
  std::uint64_t room = inline_bytes_max;
  for (const auto& part : contents) {
    if (part.content.size > room || out.chunks.size() >= announcement::chunks_max) return;
    if (part.content.size == 0 || part.only_chunk.is_zero()) continue;
    auto bytes = source.bytes(part.content);
    if (!bytes || bytes->size() != part.content.size) continue;
    room -= bytes->size();
    out.chunks.push_back({part.only_chunk, std::move(*bytes)});
  }
}

void add_lists(announcement& out, const std::vector<asset_part>& contents, const announcer_source& source) {
  std::size_t room = announcement::listed_chunks_max;
  for (const auto& part : contents) {
    if (part.content.size <= single_chunk_bytes_max || out.lists.size() >= announcement::lists_max) continue;
    auto list = source.list(part.content);
    if (!list || list->chunks.size() > room) continue;
    room -= list->chunks.size();
    out.lists.push_back({part.content.id, std::move(*list)});
  }
}

std::size_t list_bytes(const announcement& message) {
  std::size_t bytes = 0;
  for (const auto& list : message.lists) bytes += 36 * list.list.chunks.size() + 64;
  return bytes;
}

}  // namespace

result<byte_vector> encode_wire_head(const head& now, const hasher& hash, const head_signer* signer) {
  head_file file;
  file.value = now;
  GRAPHITE_TRY(file.signature, signature_of(now, hash, signer));
  return encode_head(file, hash);
}

result<announcement> make_announcement(const announcer_input& input, const announcer_source& source,
                                       const hasher& hash) {
  announcement out;
  GRAPHITE_TRY(out.head, encode_wire_head(input.now, hash, input.signer));
  out.base_root = input.base_root;
  out.base_epoch = input.base_epoch;
  out.base_sequence = input.base_sequence;
  out.times = input.times;
  out.clock = input.clock;
  out.trace = input.trace;
  out.complete = add_entries(out, *input.changes, hash);
  if (!out.complete) {
    out.upserts.clear();
    out.removals.clear();
  }
  const auto contents = contents_of(*input.changes);
  add_chunks(out, contents, source);
  std::size_t entry_bytes = 0;
  for (const auto& record : out.upserts) entry_bytes += record.size() + 16;
  add_lists(out, contents, source);
  if (entry_bytes + list_bytes(out) > entries_bytes_max) out.lists.clear();  // asked for instead
  return out;
}

result<channel_state> make_channel_state(const head& now, const publisher_place& place, std::int64_t unix_ns,
                                         duration lives_for, const head_signer* signer) {
  channel_state out;
  out.channel = now.channel;
  out.lineage = now.lineage;
  out.epoch = now.epoch;
  out.sequence = now.sequence;
  out.root = now.root;
  out.expires_unix_ns = lives_for == duration::zero() ? 0 : unix_ns + lives_for.count();
  if (signer != nullptr) {
    GRAPHITE_TRY(out.signature, signer->sign_state(out, place));
  }
  return out;
}

}  // namespace graphite
