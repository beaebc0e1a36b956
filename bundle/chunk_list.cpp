#include "bundle/chunk_list.hpp"

#include <array>

#include "bundle/byte_io.hpp"
#include "bundle/chunker.hpp"
#include "bundle/segment_format.hpp"
#include "kernels/gear_scan.hpp"

namespace graphite {

namespace {

constexpr std::uint16_t list_magic = 0x4c43;  // "CL"
constexpr std::uint8_t list_version = 1;

std::uint64_t encoded_bytes(std::uint64_t entries) { return list_header_bytes + entries * list_entry_bytes; }

/// Most chunks that the largest content can have: all but the last are over the minimum.
constexpr std::uint64_t chunks_max = content_bytes_max / chunk_bytes_min + 1;

void write_entry(byte_writer& to, const chunk_ref& chunk) {
  to.number(chunk.size);
  to.id(chunk.id);
}

byte_vector encode_blob(int level, std::uint64_t content_bytes, const chunk_list& entries) {
  byte_vector out;
  out.reserve(encoded_bytes(entries.chunks.size()));
  byte_writer to(out);
  to.number(list_magic);
  to.number(list_version);
  to.number(static_cast<std::uint8_t>(level));
  to.number(static_cast<std::uint32_t>(entries.chunks.size()));
  to.number(content_bytes);
  for (const auto& chunk : entries.chunks) write_entry(to, chunk);
  return out;
}

byte_vector encode_entries(const chunk_list& list) {
  byte_vector out;
  out.reserve(list.chunks.size() * list_entry_bytes);
  byte_writer to(out);
  for (const auto& chunk : list.chunks) write_entry(to, chunk);
  return out;
}

chunk_list read_entries(byte_reader& from, std::uint64_t count) {
  chunk_list out;
  out.chunks.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto size = from.number<std::uint32_t>();
    out.chunks.push_back({from.id(), size});
  }
  return out;
}

result<void> check_level_1(const top_list& list) {
  const auto entry_bytes = list.entries.total_bytes();
  if (list.entries.chunks.size() > sub_lists_max)
    return fail(errc::too_large, "a chunk list has too many parts");
  if (entry_bytes % list_entry_bytes != 0 || list_header_bytes + entry_bytes <= list_bytes_max ||
      entry_bytes / list_entry_bytes > chunks_max)
    return fail(errc::corrupt, "a chunk list of two levels has an impossible length");
  return {};
}

result<chunk_list> join_sub_lists(const top_list& top, const std::vector<byte_span>& pieces,
                                  const hasher& hash) {
  if (pieces.size() != top.entries.chunks.size()) return fail(errc::corrupt, "a chunk list lacks parts");
  byte_vector joined;
  joined.reserve(top.entries.total_bytes());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto& expected = top.entries.chunks[i];
    if (pieces[i].size() != expected.size || hash.sha256(pieces[i]) != expected.id)
      return fail(errc::corrupt, "a part of a chunk list fails its digest");
    byte_writer(joined).bytes(pieces[i]);
  }
  if (chunk_bytes(joined, hash) != top.entries)
    return fail(errc::corrupt, "a chunk list is not cut canonically");
  byte_reader from(joined);
  auto out = read_entries(from, joined.size() / list_entry_bytes);
  if (!from.done()) return fail(errc::corrupt, "a chunk list ends inside an entry");
  return out;
}

}  // namespace

result<void> check_chunk_list(const chunk_list& list) {
  const auto count = list.chunks.size();
  if (count > chunks_max) return fail(errc::too_large, "a chunk list has too many chunks");
  for (std::size_t i = 0; i < count; ++i) {
    const auto size = list.chunks[i].size;
    const bool last = i + 1 == count;
    if (size == 0 || size > chunk_bytes_max || (!last && size <= chunk_bytes_min))
      return fail(errc::corrupt, "a chunk list has a chunk of impossible size");
  }
  const auto total = list.total_bytes();
  if (total > content_bytes_max) return fail(errc::too_large, "a chunk list is of more than 64 GiB");
  if (total <= single_chunk_bytes_max && count > 1)
    return fail(errc::corrupt, "small content has several chunks");
  return {};
}

encoded_chunk_list encode_chunk_list(const chunk_list& list, const hasher& hash) {
  GRAPHITE_INVARIANT(check_chunk_list(list).has_value());
  encoded_chunk_list out;
  out.content.size = list.total_bytes();
  if (encoded_bytes(list.chunks.size()) <= list_bytes_max) {
    out.top = encode_blob(0, out.content.size, list);
  } else {
    out.entries = encode_entries(list);
    out.sub_lists = chunk_bytes(out.entries, hash);
    out.top = encode_blob(1, out.content.size, out.sub_lists);
  }
  out.content.id = hash.sha256(out.top);
  return out;
}

content_ref content_of(const chunk_list& list, const hasher& hash) {
  return encode_chunk_list(list, hash).content;
}

content_ref content_of(const chunk_ref& only, const hasher& hash) {
  return content_of(chunk_list{{only}}, hash);
}

content_ref empty_content(const hasher& hash) { return content_of(chunk_list{}, hash); }

result<top_list> decode_top_list(byte_span top) {
  byte_reader from(top);
  const auto magic = from.number<std::uint16_t>();
  const auto version = from.number<std::uint8_t>();
  const auto level = from.number<std::uint8_t>();
  const auto count = from.number<std::uint32_t>();
  top_list out{level, from.number<std::uint64_t>(), {}};
  if (!from.ok() || magic != list_magic) return fail(errc::corrupt, "not a chunk list");
  if (version > list_version) return fail(errc::newer_version, "a chunk list of a newer version");
  if (version != list_version || level > 1) return fail(errc::corrupt, "a chunk list has impossible fields");
  if (out.content_bytes > content_bytes_max)
    return fail(errc::too_large, "a chunk list is of more than 64 GiB");
  if (top.size() != encoded_bytes(count)) return fail(errc::corrupt, "a chunk list has the wrong length");
  if (level == 0 && top.size() > list_bytes_max)
    return fail(errc::corrupt, "a long chunk list has one level");
  out.entries = read_entries(from, count);
  GRAPHITE_CHECK(check_chunk_list(out.entries));
  if (level == 1) GRAPHITE_CHECK(check_level_1(out));
  if (level == 0 && out.entries.total_bytes() != out.content_bytes)
    return fail(errc::corrupt, "a chunk list's sizes do not add up");
  return out;
}

result<chunk_list> decode_chunk_list(const content_ref& content, byte_span top,
                                     const std::vector<byte_span>& sub_lists, const hasher& hash) {
  if (hash.sha256(top) != content.id) return fail(errc::corrupt, "a chunk list fails its digest");
  GRAPHITE_TRY(auto decoded, decode_top_list(top));
  if (decoded.content_bytes != content.size) return fail(errc::corrupt, "a chunk list is of another size");
  if (decoded.level == 0) {
    if (!sub_lists.empty()) return fail(errc::corrupt, "a short chunk list has no parts");
    return std::move(decoded.entries);
  }
  GRAPHITE_TRY(auto out, join_sub_lists(decoded, sub_lists, hash));
  GRAPHITE_CHECK(check_chunk_list(out));
  if (out.total_bytes() != content.size) return fail(errc::corrupt, "a chunk list's sizes do not add up");
  return out;
}

}  // namespace graphite
