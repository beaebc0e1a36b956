#include "platform/store/index_row.hpp"

#include <fmt/format.h>

#include <charconv>

#include "bundle/byte_io.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/segment_format.hpp"

namespace graphite {

namespace {

constexpr std::uint8_t index_row_version = 1;
constexpr std::uint8_t segment_row_version = 1;
constexpr std::size_t segment_row_bytes = 10;

std::string to_string(const byte_vector& bytes) { return std::string(as_text(bytes)); }

std::optional<segment_id> parse_id(std::string_view digits) {
  std::uint32_t value = 0;
  if (digits.size() != 8 || digits.find_first_not_of("0123456789abcdef") != digits.npos) return std::nullopt;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (value == 0) return std::nullopt;
  return segment_id{value};
}

std::optional<segment_id> parse_framed_id(std::string_view text, std::string_view prefix,
                                          std::string_view suffix) {
  if (!text.starts_with(prefix) || !text.ends_with(suffix) ||
      text.size() != prefix.size() + 8 + suffix.size())
    return std::nullopt;
  return parse_id(text.substr(prefix.size(), 8));
}

}  // namespace

std::string index_key(const digest& content) { return std::string(as_text(as_bytes(content))); }

std::string encode_index_row(const stored_content& content) {
  GRAPHITE_INVARIANT(content.where.has_value());
  byte_vector out;
  out.reserve(25 + content.chunks.chunks.size() * list_entry_bytes);
  byte_writer to(out);
  to.number(index_row_version);
  to.number(content.where->segment.value);
  to.number(content.where->offset);
  to.number(content.where->length);
  to.number(static_cast<std::uint32_t>(content.chunks.chunks.size()));
  for (const auto& chunk : content.chunks.chunks) {
    to.number(chunk.size);
    to.id(chunk.id);
  }
  return to_string(out);
}

result<stored_content> decode_index_row(const digest& content, std::string_view row) {
  byte_reader from(as_bytes(row));
  const auto version = from.number<std::uint8_t>();
  if (from.ok() && version > index_row_version)
    return fail(errc::newer_version, "a content's row was written by a newer version");
  stored_content out;
  out.ref.id = content;
  extent where{segment_id{from.number<std::uint32_t>()}, from.number<std::uint64_t>(),
               from.number<std::uint64_t>()};
  const auto count = from.number<std::uint32_t>();
  if (!from.ok() || version != index_row_version || where.segment == no_segment ||
      from.rest().size() != count * std::uint64_t{list_entry_bytes} || where.offset >= std::uint64_t{1} << 62)
    return fail(errc::corrupt, "a content's row is damaged");
  out.chunks.chunks.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto size = from.number<std::uint32_t>();
    out.chunks.chunks.push_back({from.id(), size});
  }
  GRAPHITE_CHECK(check_chunk_list(out.chunks));
  if (out.chunks.total_bytes() != where.length) return fail(errc::corrupt, "a content's row does not add up");
  out.ref.size = where.length;
  out.where = where;
  return out;
}

std::string segment_row_key(segment_id id) { return fmt::format("{}{:08x}", segment_row_prefix, id.value); }

std::optional<segment_id> segment_of_row_key(std::string_view key) {
  return parse_framed_id(key, segment_row_prefix, "");
}

std::string encode_segment_row(const segment_row& row) {
  byte_vector out;
  byte_writer to(out);
  to.number(segment_row_version);
  to.number(static_cast<std::uint8_t>(row.sealed));
  to.number(row.mark);
  return to_string(out);
}

result<segment_row> decode_segment_row(std::string_view row) {
  byte_reader from(as_bytes(row));
  const auto version = from.number<std::uint8_t>();
  if (from.ok() && version > segment_row_version)
    return fail(errc::newer_version, "a segment's row was written by a newer version");
  const auto sealed = from.number<std::uint8_t>();
  segment_row out{sealed == 1, from.number<std::uint64_t>()};
  if (!from.done() || version != segment_row_version || sealed > 1 || row.size() != segment_row_bytes)
    return fail(errc::corrupt, "a segment's row is damaged");
  return out;
}

std::optional<segment_id> segment_of_file_name(std::string_view name) {
  return parse_framed_id(name, "segment-", "");
}

}  // namespace graphite
