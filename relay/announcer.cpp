#include "relay/announcer.hpp"

#include <algorithm>
#include <set>

#include "bundle/head_codec.hpp"
#include "bundle/record_bytes.hpp"

namespace graphite {

namespace {

/// Entries in all, so that head, lists and contents still fit the message.
constexpr std::uint64_t records_bytes_max = 512 * KiB;

/// False where the records do not fit; `out` is then without any.
bool add_records(const asset_changes& changes, const hasher& hash, announcement& out) {
  if (changes.upserts.size() > announcement::entries_max || changes.removals.size() > announcement::entries_max)
    return false;
  std::uint64_t bytes = 0;
  for (const auto& record : changes.upserts) {
    out.upserts.push_back(encode_record(record, hash));
    bytes += out.upserts.back().size();
    if (bytes > records_bytes_max || out.upserts.back().size() > announcement::record_bytes_max) return false;
  }
  for (const auto& path : changes.removals) bytes += path.str().size() + 8;
  if (bytes > records_bytes_max) return false;
  out.removals = changes.removals;
  return true;
}

/// Distinct contents of the changed records, smallest first.
std::vector<asset_part> changed_parts(const asset_changes& changes) {
  std::vector<asset_part> out;
  for (const auto& record : changes.upserts) out.insert(out.end(), record.parts.begin(), record.parts.end());
  std::sort(out.begin(), out.end(), [](const asset_part& a, const asset_part& b) {
    return std::tie(a.content.size, a.content.id) < std::tie(b.content.size, b.content.id);
  });
  const auto same = [](const asset_part& a, const asset_part& b) { return a.content == b.content; };
  out.erase(std::unique(out.begin(), out.end(), same), out.end());
  return out;
}

void add_contents(const std::vector<asset_part>& parts, const announcer_source& source, announcement& out) {
  std::uint64_t room = inline_bytes_max;
  for (const auto& part : parts) {
    if (part.content.size == 0) continue;
    if (part.content.size > room || out.chunks.size() == announcement::chunks_max) return;
    auto bytes = source.bytes(part.content);
    if (!bytes) continue;
    room -= part.content.size;
    out.chunks.push_back({part.only_chunk, std::move(*bytes)});
  }
}

void add_lists(const std::vector<asset_part>& parts, const announcer_source& source, announcement& out) {
  std::size_t listed = 0;
  for (const auto& part : parts) {
    if (part.content.size <= single_chunk_bytes_max) continue;
    auto list = source.list(part.content);
    if (!list) continue;
    listed += list->chunks.size();
    if (listed > announcement::listed_chunks_max || out.lists.size() == announcement::lists_max) return;
    out.lists.push_back({part.content.id, std::move(*list)});
  }
}

}  // namespace

announcement make_announcement(const announcer_input& input, const announcer_source& source, const hasher& hash) {
  announcement out;
  auto encoded = encode_head({input.now}, hash);
  GRAPHITE_INVARIANT(encoded.has_value());
  out.head = std::move(*encoded);
  out.base_root = input.base_root;
  out.base_epoch = input.base_epoch;
  out.base_sequence = input.base_sequence;
  out.times = input.times;
  out.clock = input.clock;
  out.trace = input.trace;
  out.complete = add_records(*input.changes, hash, out);
  if (!out.complete) {
    out.upserts.clear();
    return out;
  }
  const auto parts = changed_parts(*input.changes);
  add_contents(parts, source, out);
  add_lists(parts, source, out);
  return out;
}

result<asset_changes> changes_of(const announcement& message, const hasher& hash) {
  asset_changes out;
  for (const auto& bytes : message.upserts) {
    GRAPHITE_TRY(auto record, decode_record(bytes, hash));
    out.upserts.push_back(std::move(record));
  }
  out.removals = message.removals;
  return out;
}

channel_state make_channel_state(const head& now, std::int64_t unix_ns, duration lives_for) {
  channel_state out;
  out.channel = now.channel;
  out.lineage = now.lineage;
  out.epoch = now.epoch;
  out.sequence = now.sequence;
  out.root = now.root;
  out.expires_unix_ns = unix_ns + lives_for.count();
  return out;
}

}  // namespace graphite
