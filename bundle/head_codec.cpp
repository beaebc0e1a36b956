#include "bundle/head_codec.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bundle/byte_io.hpp"
#include "core/channel_name.hpp"

namespace graphite {

namespace {

constexpr std::uint32_t head_magic = 0x48505247;    // "GRPH"
constexpr std::uint32_t behind_magic = 0x42505247;  // "GRPB"
constexpr std::uint16_t behind_version = 1;
constexpr std::uint16_t decode_on_load_flag = 1;
constexpr std::size_t digest_offset = 480;  // SHA-256 of everything before it
constexpr std::size_t signature_offset = 512;
static_assert(signature_offset + signature_block_bytes == head_file_bytes);

void write_shared(byte_writer& to, const head_file& from) {
  const auto& head = from.value;
  to.number(head_magic);
  to.number(from.signature.empty() ? head_version : signed_head_version);
  to.number(std::uint16_t{0});  // flags
  to.id(head.lineage.value);
  to.number(head.epoch.value);
  to.number(head.sequence.value);
  to.id(head.root);
  to.number(head.assets);
  to.number(head.revision.value);
  to.number(head.published_unix_ns);
  to.id(head.behind);
  to.number(static_cast<std::uint16_t>(head.channel.size()));
  to.bytes(as_bytes(std::string_view(head.channel)));
  to.pad_to(head_shared_bytes);
}

void write_local(byte_writer& to, const head_file& from) {
  to.number(from.root.packed());
  to.number(from.behind.segment.value);
  to.number(static_cast<std::uint32_t>(from.page_files.size()));
  to.number(from.behind.offset);
  to.number(from.behind.length);
  for (const auto number : from.page_files) to.number(number);
  to.pad_to(digest_offset);
}

result<void> read_shared(byte_reader& from, head_file& out) {
  auto& head = out.value;
  head.lineage.value = from.unique_id();
  head.epoch.value = from.number<std::uint64_t>();
  head.sequence.value = from.number<std::uint64_t>();
  head.root = from.id();
  head.assets = from.number<std::uint64_t>();
  head.revision.value = from.number<std::uint64_t>();
  head.published_unix_ns = from.number<std::int64_t>();
  head.behind = from.id();
  const auto length = from.number<std::uint16_t>();
  if (length > channel_name_bytes_max) return fail(errc::corrupt, "a head has too long a channel name");
  head.channel = as_text(from.bytes(length));
  if (!is_channel_name(head.channel) || head.root.is_zero())
    return fail(errc::corrupt, "a head has impossible fields");
  return {};
}

/// All zeros where there is no side object or it is not held.
bool valid_side_object(const head_file& from) {
  return from.behind == extent{} || (from.behind.segment.value != 0 && !from.value.behind.is_zero());
}

bool valid_page_files(const std::vector<std::uint32_t>& numbers) {
  return numbers.size() <= page_files_max &&
         std::ranges::adjacent_find(numbers, std::greater_equal<>()) == numbers.end() &&
         std::ranges::all_of(numbers, [](auto n) { return n > 0 && n <= page_location::file_max; });
}

result<void> read_local(byte_reader& from, head_file& out) {
  const auto root = from.number<std::uint64_t>();
  out.root = page_location::from_packed(root);
  out.behind.segment.value = from.number<std::uint32_t>();
  const auto count = from.number<std::uint32_t>();
  out.behind.offset = from.number<std::uint64_t>();
  out.behind.length = from.number<std::uint64_t>();
  if (count > page_files_max) return fail(errc::corrupt, "a head names too many page files");
  for (std::uint32_t i = 0; i < count; ++i) out.page_files.push_back(from.number<std::uint32_t>());
  if (out.root.packed() != root || !valid_page_files(out.page_files) || !valid_side_object(out))
    return fail(errc::corrupt, "a head has impossible local pointers");
  return {};
}

/// A version has one or has none.
result<void> read_signature(byte_span block, bool has_one, head_file& out) {
  byte_reader from(block);
  const auto length = has_one ? from.number<std::uint16_t>() : std::uint16_t{0};
  if (length > head_signature_bytes_max || (length == 0) == has_one)
    return fail(errc::corrupt, "a head has an impossible signature");
  const auto bytes = from.bytes(length);
  out.signature.assign(bytes.begin(), bytes.end());
  if (!from.zeros(from.rest().size())) return fail(errc::corrupt, "a head has an impossible signature");
  return {};
}

}  // namespace

result<byte_vector> encode_head(const head_file& from, const hasher& hash) {
  if (!is_channel_name(from.value.channel))
    return fail(errc::invalid_argument, "'" + from.value.channel + "' cannot name a channel");
  if (from.page_files.size() > page_files_max)
    return fail(errc::too_large, "an index lies in over 32 page files");
  if (from.signature.size() > head_signature_bytes_max)
    return fail(errc::too_large, fmt::format("a signature of {} bytes", from.signature.size()));
  GRAPHITE_INVARIANT(valid_page_files(from.page_files) && valid_side_object(from) &&
                     !from.value.root.is_zero());
  byte_vector out;
  byte_writer to(out);
  write_shared(to, from);
  write_local(to, from);
  to.id(hash.sha256(out));
  if (!from.signature.empty()) {
    to.number(static_cast<std::uint16_t>(from.signature.size()));
    to.bytes(from.signature);
  }
  to.pad_to(head_file_bytes);
  return out;
}

result<head_file> decode_head(byte_span file, const hasher& hash) {
  byte_reader from(file);
  const auto magic = from.number<std::uint32_t>();
  const auto version = from.number<std::uint16_t>();
  const auto flags = from.number<std::uint16_t>();
  if (!from.ok() || magic != head_magic) return fail(errc::corrupt, "not a bundle head: wrong magic");
  if (version > signed_head_version)
    return fail(errc::newer_version, "a bundle of a newer version: upgrade to read it");
  if (file.size() != head_file_bytes) return fail(errc::corrupt, "a bundle head has the wrong length");
  if (byte_reader(file.subspan(digest_offset)).id() != hash.sha256(file.first(digest_offset)))
    return fail(errc::corrupt, "a bundle head fails its digest");
  if (version < head_version || flags > decode_on_load_flag)
    return fail(errc::corrupt, "a head has impossible fields");
  if (flags == decode_on_load_flag)
    return fail(errc::unsupported, "a bundle whose contents are decoded on load: this version cannot");
  head_file out;
  GRAPHITE_CHECK(read_shared(from, out));
  const auto read = head_file_bytes - from.rest().size();
  if (!from.zeros(head_shared_bytes - read)) return fail(errc::corrupt, "a head has impossible fields");
  GRAPHITE_CHECK(read_local(from, out));
  if (!from.zeros(from.rest().size() - (head_file_bytes - digest_offset)))
    return fail(errc::corrupt, "a head has impossible fields");
  GRAPHITE_CHECK(read_signature(file.subspan(signature_offset), version == signed_head_version, out));
  return out;
}

byte_vector encode_behind(const behind_list& from) {
  byte_vector out;
  byte_writer to(out);
  const auto listed = std::min(from.listed.size(), behind_list::listed_max);
  to.number(behind_magic);
  to.number(behind_version);
  to.number(std::uint16_t{0});
  to.number(std::max<std::uint64_t>(from.count, from.listed.size()));
  to.number(static_cast<std::uint32_t>(listed));
  for (const auto& asset : std::span(from.listed).first(listed)) {
    const auto message = std::string_view(asset.message).substr(0, behind_message_bytes_max);
    to.number(static_cast<std::uint8_t>(asset.reason));
    to.number(std::uint8_t{0});
    to.number(static_cast<std::uint16_t>(asset.path.str().size()));
    to.number(static_cast<std::uint16_t>(message.size()));
    to.bytes(as_bytes(std::string_view(asset.path.str())));
    to.bytes(as_bytes(message));
  }
  return out;
}

result<behind_list> decode_behind(byte_span bytes) {
  if (bytes.size() > behind_bytes_max) return fail(errc::too_large, "a list of what is behind is over 6 MiB");
  byte_reader from(bytes);
  const auto magic = from.number<std::uint32_t>();
  const auto version = from.number<std::uint16_t>();
  if (!from.ok() || magic != behind_magic) return fail(errc::corrupt, "not a list of what is behind");
  if (version > behind_version)
    return fail(errc::newer_version, "a list of what is behind, of a newer version");
  const bool gap_zero = from.zeros(2);
  behind_list out{from.number<std::uint64_t>(), {}};
  const auto listed = from.number<std::uint32_t>();
  if (version != behind_version || !gap_zero || listed > behind_list::listed_max || out.count < listed)
    return fail(errc::corrupt, "a list of what is behind has impossible fields");
  for (std::uint32_t i = 0; i < listed; ++i) {
    const auto reason = from.number<std::uint8_t>();
    const auto gap = from.number<std::uint8_t>();
    const auto path_bytes = from.number<std::uint16_t>();
    const auto message_bytes = from.number<std::uint16_t>();
    auto path = logical_path::parse(as_text(from.bytes(path_bytes)));
    const auto message = as_text(from.bytes(message_bytes));
    if (!from.ok() || !path || gap != 0 || reason > 2 || message_bytes > behind_message_bytes_max)
      return fail(errc::corrupt, "a list of what is behind has a malformed entry");
    out.listed.push_back({std::move(*path), static_cast<behind_asset::why>(reason), std::string(message)});
  }
  if (!from.done()) return fail(errc::corrupt, "a list of what is behind has bytes left over");
  return out;
}

std::string page_file_name(std::uint32_t number) { return fmt::format("pages-{:08x}", number); }
std::string segment_file_name(segment_id segment) { return fmt::format("segment-{:08x}", segment.value); }

}  // namespace graphite
