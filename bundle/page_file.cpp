#include "bundle/page_file.hpp"

#include <algorithm>
#include <utility>

#include "bundle/byte_io.hpp"
#include "core/checksum.hpp"

namespace graphite {

namespace {

constexpr std::uint32_t page_file_magic = 0x49505247;  // "GRPI"
constexpr std::size_t page_checked_bytes = 56;
constexpr std::uint32_t links_max = page_bytes_max / 32;
constexpr std::uint32_t extents_max = page_bytes_max / 9;

/// Sizes of a record's three parts, and so where each begins.
struct record_shape {
  std::uint32_t page_bytes = 0, links = 0, extents = 0;

  std::uint64_t padded_page() const { return align_up(page_bytes, 8); }
  std::uint64_t body_bytes() const {
    return padded_page() + 8 * std::uint64_t{links} + encoded_extent_bytes * std::uint64_t{extents};
  }
  bool possible() const {
    return page_bytes <= record_bytes_max && links <= links_max && extents <= extents_max;
  }
};

std::uint64_t record_checksum(byte_span header, byte_span body, page_location where) {
  checksum64_builder sum(where.packed());
  sum.feed(header.first(page_checked_bytes));
  sum.feed(body);
  return sum.value();
}

void write_extent(byte_writer& to, const extent& where) {
  to.number(where.segment.value);
  to.number(std::uint32_t{0});
  to.number(where.offset);
  to.number(where.length);
}

result<std::vector<extent>> read_extents(byte_reader& from, std::uint32_t count) {
  std::vector<extent> out;
  out.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    extent next{segment_id{from.number<std::uint32_t>()}, 0, 0};
    const auto gap = from.number<std::uint32_t>();
    next.offset = from.number<std::uint64_t>();
    next.length = from.number<std::uint64_t>();
    if (gap != 0 || next.offset > std::uint64_t{1} << 62 || next.length > std::uint64_t{1} << 62)
      return fail(errc::corrupt, "a page record has an impossible extent");
    out.push_back(next);
  }
  return out;
}

/// The parts whose extents belong beside a page.
result<std::vector<asset_part>> own_parts(const index_node& node, const hasher& hash) {
  if (node.kind() == page_kind::record) return decode_parts(node.bytes(), hash);
  std::vector<asset_part> out;
  for (std::size_t i = 0; i < node.entry_count(); ++i) {
    const auto entry = node.entry(i);
    if (entry.external) continue;
    GRAPHITE_TRY(const auto parts, decode_parts(entry.body, hash));
    out.insert(out.end(), parts.begin(), parts.end());
  }
  return out;
}

byte_vector encode_record_header(const index_node& node, const record_shape& shape, byte_span body,
                                 page_location where) {
  byte_vector out;
  byte_writer to(out);
  to.number(page_record_magic);
  to.number(static_cast<std::uint8_t>(node.kind()));
  to.zeros(3);
  to.number(shape.page_bytes);
  to.number(shape.links);
  to.number(shape.extents);
  to.zeros(4);
  to.id(node.id());
  to.number(record_checksum(out, body, where));
  return out;
}

}  // namespace

page_encoder::page_encoder(std::uint32_t file, std::uint64_t tail, links mode, extent_lookup find,
                           const hasher& hash)
    : file_(file), tail_(tail), mode_(mode), find_(std::move(find)), hash_(&hash) {
  GRAPHITE_INVARIANT(file > 0 && file <= page_location::file_max && tail % 8 == 0 &&
                     tail >= page_file_header_bytes);
}

result<page_location> page_encoder::add(const index_node& node) {
  if (const auto before = placed_.find(node.id()); before != placed_.end()) return before->second;
  const page_location where{file_, tail_};
  if (where.offset > page_location::offset_max) return fail(errc::too_large, "a page file is full");
  GRAPHITE_TRY(const auto parts, own_parts(node, *hash_));
  GRAPHITE_TRY(const auto body, encode_body(node, parts));
  const record_shape shape{static_cast<std::uint32_t>(node.bytes().size()),
                           static_cast<std::uint32_t>(node.links().size()),
                           static_cast<std::uint32_t>(parts.size())};
  GRAPHITE_INVARIANT(shape.possible() && shape.body_bytes() == body.size());
  byte_writer to(out_);
  to.bytes(encode_record_header(node, shape, body, where));
  to.bytes(body);
  tail_ += page_record_header_bytes + body.size();
  placed_.emplace(node.id(), where);
  return where;
}

byte_vector page_encoder::take_bytes() { return std::exchange(out_, {}); }

result<byte_vector> page_encoder::encode_body(const index_node& node,
                                              const std::vector<asset_part>& parts) const {
  byte_vector out;
  byte_writer to(out);
  to.bytes(node.bytes());
  to.pad_to(align_up(out.size(), 8));
  for (const auto& link : node.links()) {
    const auto placed = placed_.find(link.id());
    page_location where = placed != placed_.end() ? placed->second : page_location{};
    if (!where.known() && mode_ == links::may_lie_elsewhere) where = link.location();
    if (!where.known()) return fail(errc::invalid_argument, "a page is to be written before one below it");
    to.number(where.packed());
  }
  for (const auto& part : parts) {
    const bool ask = part.content.size > 0 && find_;
    write_extent(to, ask ? find_(part.content).value_or(extent{}) : extent{});
  }
  return out;
}

byte_vector encode_page_file_header(std::uint32_t number) {
  byte_vector out;
  byte_writer to(out);
  to.number(page_file_magic);
  to.number(page_file_version);
  to.number(std::uint16_t{0});
  to.number(number);
  to.pad_to(page_checked_bytes);
  to.number(checksum64(out));
  return out;
}

result<std::uint32_t> decode_page_file_header(byte_span file) {
  if (file.size() < page_file_header_bytes)
    return fail(errc::corrupt, "a page file is shorter than its header");
  byte_reader from(file.first(page_file_header_bytes));
  const auto magic = from.number<std::uint32_t>();
  const auto version = from.number<std::uint16_t>();
  const bool flags_zero = from.zeros(2);
  const auto number = from.number<std::uint32_t>();
  const bool gap_zero = from.zeros(page_checked_bytes - 12);
  if (magic != page_file_magic) return fail(errc::corrupt, "not a page file: wrong magic");
  if (byte_reader(file.subspan(page_checked_bytes)).number<std::uint64_t>() !=
      checksum64(file.first(page_checked_bytes)))
    return fail(errc::corrupt, "a page file's header fails its checksum");
  if (version > page_file_version) return fail(errc::newer_version, "a page file of a newer version");
  if (version == 0 || !flags_zero || !gap_zero || number == 0 || number > page_location::file_max)
    return fail(errc::corrupt, "a page file's header has impossible fields");
  return number;
}

result<page_batch> encode_pages(const std::vector<index_tree::node_ptr>& pages, std::uint32_t file,
                                std::uint64_t tail, const extent_lookup& find, const hasher& hash) {
  page_encoder encoder(file, tail, page_encoder::links::may_lie_elsewhere, find, hash);
  page_batch out;
  for (const auto& node : pages) {
    GRAPHITE_TRY(const auto where, encoder.add(*node));
    out.pages.emplace_back(node, where);
  }
  out.bytes = encoder.take_bytes();
  return out;
}

result<page_record> decode_page_record(byte_span file, std::uint32_t number, std::uint64_t offset) {
  if (offset >= file.size()) return fail(errc::not_found, "no page record behind the end");
  if (offset < page_file_header_bytes || offset % 8 != 0 || file.size() - offset < page_record_header_bytes)
    return fail(errc::corrupt, "a page record is cut off");
  const auto header = file.subspan(offset, page_record_header_bytes);
  byte_reader from(header);
  const auto magic = from.number<std::uint32_t>();
  if (magic == 0 && byte_reader(header).zeros(header.size()))
    return fail(errc::not_found, "no page record here");
  const auto kind = from.number<std::uint8_t>();
  bool gaps_zero = from.zeros(3);
  record_shape shape;
  shape.page_bytes = from.number<std::uint32_t>();
  shape.links = from.number<std::uint32_t>();
  shape.extents = from.number<std::uint32_t>();
  gaps_zero = gaps_zero && from.zeros(4);
  page_record out{from.id(), static_cast<page_kind>(kind), {}, 0};
  const auto room = file.size() - offset - page_record_header_bytes;
  if (magic != page_record_magic || !gaps_zero || kind < 1 || kind > 3 || !shape.possible() ||
      shape.body_bytes() > room)
    return fail(errc::corrupt, "bytes that are no page record");
  const auto body = file.subspan(offset + page_record_header_bytes, shape.body_bytes());
  if (from.number<std::uint64_t>() != record_checksum(header, body, {number, offset}))
    return fail(errc::corrupt, "a page record fails its checksum");
  byte_reader locals(body.subspan(shape.padded_page()));
  out.page.bytes = body.first(shape.page_bytes);
  for (std::uint32_t i = 0; i < shape.links; ++i)
    out.page.links.push_back(page_location::from_packed(locals.number<std::uint64_t>()));
  GRAPHITE_TRY(out.page.extents, read_extents(locals, shape.extents));
  out.end = offset + page_record_header_bytes + shape.body_bytes();
  return out;
}

result<stored_page> page_at(byte_span file, page_location where, const digest& id) {
  GRAPHITE_TRY(auto record, decode_page_record(file, where.file, where.offset));
  if (record.id != id) return fail(errc::corrupt, "another page lies where " + to_hex(id) + " should");
  return std::move(record.page);
}

std::uint64_t scan_pages(byte_span file, std::uint32_t number, std::uint64_t from,
                         const std::function<void(std::uint64_t offset, const page_record&)>& visit) {
  auto at = align_up(std::max(from, page_file_header_bytes), 8);
  while (true) {
    const auto record = decode_page_record(file, number, at);
    if (!record) return at;
    visit(at, *record);
    at = record->end;
  }
}

}  // namespace graphite
