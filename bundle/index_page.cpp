#include "bundle/index_page.hpp"

#include <algorithm>

#include "bundle/byte_io.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/segment_format.hpp"

namespace graphite {

namespace {

constexpr std::uint8_t page_version = 1;
constexpr std::uint8_t external_flag = 1;
constexpr std::size_t entry_header_bytes = 12;
constexpr std::size_t body_header_bytes = 4;
constexpr std::size_t inner_child_bytes = 48;
constexpr std::size_t entry_bytes_min = entry_header_bytes + 1 + 2 + body_header_bytes + 9;
/// Far beyond any index, and sums of sixteen do not overflow.
constexpr std::uint64_t subtree_assets_max = std::uint64_t{1} << 40;

bool is_single_chunk(std::uint64_t size) { return size > 0 && size <= single_chunk_bytes_max; }

std::size_t part_bytes(const asset_part& part) { return part.content.size == 0 ? 9 : 41; }

std::size_t body_bytes(const asset_record& record) {
  std::size_t out = body_header_bytes + 8 * record.references.size();
  for (const auto& part : record.parts) out += part_bytes(part);
  return out;
}

byte_vector encode_body(const asset_record& record) {
  byte_vector out;
  out.reserve(body_bytes(record));
  byte_writer to(out);
  to.number(static_cast<std::uint8_t>(record.parts.size()));
  to.number(std::uint8_t{0});
  to.number(static_cast<std::uint16_t>(record.references.size()));
  for (const auto& part : record.parts) {
    to.number(static_cast<std::uint8_t>(part.codec));
    to.number(part.content.size);
    if (part.content.size > 0) to.id(is_single_chunk(part.content.size) ? part.only_chunk : part.content.id);
  }
  for (const auto reference : record.references) to.number(reference.value);
  return out;
}

result<void> check_part(const asset_part& part, const hasher& hash) {
  const auto size = part.content.size;
  if (part.codec != part_codec::raw) return fail(errc::invalid_argument, "a part has an unknown codec");
  if (size > content_bytes_max) return fail(errc::too_large, "a part is over 64 GiB");
  if (is_single_chunk(size)) {
    const chunk_ref only{part.only_chunk, static_cast<std::uint32_t>(size)};
    if (content_of(only, hash) != part.content)
      return fail(errc::invalid_argument, "a part's only chunk does not belong to its content");
    return {};
  }
  if (!part.only_chunk.is_zero())
    return fail(errc::invalid_argument, "a part of many chunks names an only one");
  if (size == 0 && part.content != empty_content(hash))
    return fail(errc::invalid_argument, "a part without bytes has a wrong digest");
  return {};
}

/// Reads one part without its content digest worked out.
struct raw_part {
  std::uint8_t codec = 0;
  std::uint64_t size = 0;
  digest id;
};

raw_part read_part(byte_reader& from) {
  raw_part out;
  out.codec = from.number<std::uint8_t>();
  out.size = from.number<std::uint64_t>();
  if (out.size > 0) out.id = from.id();
  return out;
}

/// Strictly everything about a body that does not need a hash.
bool valid_body(byte_span body) {
  byte_reader from(body);
  const auto parts = from.number<std::uint8_t>();
  const auto gap = from.number<std::uint8_t>();
  const auto references = from.number<std::uint16_t>();
  if (!from.ok() || gap != 0 || parts == 0 || parts > asset_record::parts_max ||
      references > asset_record::references_max)
    return false;
  for (unsigned i = 0; i < parts; ++i) {
    const auto part = read_part(from);
    if (part.codec != 0 || part.size > content_bytes_max || (part.size > 0 && part.id.is_zero()))
      return false;
  }
  for (std::uint64_t i = 0, before = 0; i < references; ++i) {
    const auto now = from.number<std::uint64_t>();
    if (i > 0 && now <= before) return false;
    before = now;
  }
  return from.done();
}

std::vector<asset_part> read_parts(byte_reader& from, unsigned count, const hasher& hash) {
  std::vector<asset_part> out;
  out.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    const auto raw = read_part(from);
    asset_part part{{raw.id, raw.size}, static_cast<part_codec>(raw.codec), {}};
    if (raw.size == 0) part.content = empty_content(hash);
    if (is_single_chunk(raw.size)) {
      part.only_chunk = raw.id;
      part.content = content_of(chunk_ref{raw.id, static_cast<std::uint32_t>(raw.size)}, hash);
    }
    out.push_back(part);
  }
  return out;
}

/// One entry off the front; nothing where it is malformed.
std::optional<leaf_entry> read_entry(byte_reader& from) {
  const auto start = from.rest();
  leaf_entry out;
  out.id.value = from.number<std::uint64_t>();
  const auto path_bytes = from.number<std::uint16_t>();
  const auto flags = from.number<std::uint8_t>();
  const auto gap = from.number<std::uint8_t>();
  out.path = as_text(from.bytes(path_bytes));
  out.external = flags == external_flag;
  if (flags > external_flag || gap != 0) return std::nullopt;
  if (out.external) {
    out.body_bytes = from.number<std::uint32_t>();
    out.record = from.id();
  } else {
    out.body_bytes = from.number<std::uint16_t>();
    out.body = from.bytes(out.body_bytes);
  }
  if (!from.ok()) return std::nullopt;
  out.encoded = start.first(start.size() - from.rest().size());
  return out;
}

bool valid_entry(const leaf_entry& entry) {
  if (entry.id != id_of_path_text(entry.path) || !logical_path::parse(entry.path)) return false;
  if (entry.external)
    return entry.body_bytes > record_inline_bytes_max && entry.body_bytes <= record_bytes_max &&
           !entry.record.is_zero();
  return entry.body_bytes <= record_inline_bytes_max && valid_body(entry.body);
}

result<leaf_page> decode_leaf(byte_span bytes, unsigned depth, byte_reader from) {
  const auto count = from.number<std::uint16_t>();
  if (!from.zeros(2) || bytes.size() > page_bytes_max || depth > index_depth_max)
    return fail(errc::corrupt, "a leaf page has impossible fields");
  leaf_page out{depth, {}};
  std::optional<asset_id> before;
  for (unsigned i = 0; i < count; ++i) {
    out.offsets.push_back(static_cast<std::uint16_t>(bytes.size() - from.rest().size()));
    const auto entry = read_entry(from);
    if (!entry || !valid_entry(*entry)) return fail(errc::corrupt, "a leaf page has a malformed entry");
    if (before && (*before >= entry->id || !same_prefix(before->value, entry->id.value, depth)))
      return fail(errc::corrupt, "a leaf page's entries are out of order");
    before = entry->id;
  }
  if (!from.done()) return fail(errc::corrupt, "a leaf page has bytes left over");
  if (count == 0 && depth != 0) return fail(errc::corrupt, "a leaf page below the root is empty");
  return out;
}

result<inner_page> decode_inner(byte_span bytes, unsigned depth, byte_reader from) {
  const auto present = from.number<std::uint16_t>();
  const auto count = static_cast<std::size_t>(std::popcount(present));
  if (!from.zeros(2) || depth >= index_depth_max ||
      bytes.size() != page_header_bytes + count * inner_child_bytes)
    return fail(errc::corrupt, "an inner page has impossible fields");
  inner_page out{depth, {}};
  std::uint64_t total = 0;
  for (unsigned slot = 0; slot < 16; ++slot) {
    if ((present >> slot & 1) == 0) continue;
    inner_child child{slot, from.number<std::uint64_t>(), from.number<std::uint64_t>(), from.id()};
    if (child.assets == 0 || child.assets > subtree_assets_max || child.id.is_zero() ||
        child.entry_bytes < child.assets * entry_bytes_min ||
        child.entry_bytes > child.assets * page_bytes_max)
      return fail(errc::corrupt, "an inner page has an impossible child");
    total += child.entry_bytes;
    out.children.push_back(child);
  }
  if (fits_leaf(total)) return fail(errc::corrupt, "an inner page should be a leaf");
  return out;
}

}  // namespace

asset_part part_of(const content_ref& content, const chunk_list& chunks, part_codec codec) {
  asset_part out{content, codec, {}};
  if (is_single_chunk(content.size)) {
    GRAPHITE_INVARIANT(chunks.chunks.size() == 1 && chunks.chunks[0].size == content.size);
    out.only_chunk = chunks.chunks[0].id;
  }
  return out;
}

result<void> check_record(const asset_record& record, const hasher& hash) {
  const auto named = [&](const char* what) { return record.path.str() + " " + what; };
  if (record.parts.empty()) return fail(errc::invalid_argument, named("has no parts"));
  if (record.parts.size() > asset_record::parts_max) return fail(errc::too_large, named("has over 64 parts"));
  if (record.references.size() > asset_record::references_max)
    return fail(errc::too_large, named("has over 4096 references"));
  const auto& refs = record.references;
  if (std::adjacent_find(refs.begin(), refs.end(), std::greater_equal<>()) != refs.end())
    return fail(errc::invalid_argument, named("has references that do not ascend"));
  for (const auto& part : record.parts)
    if (auto good = check_part(part, hash); !good)
      return fail(good.error().code, named(good.error().context.c_str()));
  return {};
}

std::size_t entry_bytes(const asset_record& record) {
  const auto body = body_bytes(record);
  return entry_header_bytes + record.path.str().size() + (body > record_inline_bytes_max ? 4 + 32 : 2 + body);
}

encoded_asset encode_asset(const asset_record& record, const hasher& hash) {
  GRAPHITE_INVARIANT(record.parts.size() <= asset_record::parts_max &&
                     record.references.size() <= asset_record::references_max);
  encoded_asset out;
  auto body = encode_body(record);
  const bool external = body.size() > record_inline_bytes_max;
  out.entry.reserve(entry_bytes(record));
  byte_writer to(out.entry);
  to.number(record.id().value);
  to.number(static_cast<std::uint16_t>(record.path.str().size()));
  to.number(external ? external_flag : std::uint8_t{0});
  to.number(std::uint8_t{0});
  to.bytes(as_bytes(std::string_view(record.path.str())));
  if (external) {
    out.record_id = hash.sha256(body);
    to.number(static_cast<std::uint32_t>(body.size()));
    to.id(out.record_id);
    out.record = std::move(body);
  } else {
    to.number(static_cast<std::uint16_t>(body.size()));
    to.bytes(body);
  }
  return out;
}

result<std::vector<asset_part>> decode_parts(byte_span body, const hasher& hash) {
  if (body.size() > record_bytes_max || !valid_body(body))
    return fail(errc::corrupt, "an asset's record is malformed");
  byte_reader from(body.subspan(body_header_bytes));
  return read_parts(from, std::to_integer<unsigned>(body[0]), hash);
}

result<std::size_t> count_parts(byte_span body) {
  if (body.size() < body_header_bytes) return fail(errc::corrupt, "an asset's record is malformed");
  return std::to_integer<std::size_t>(body[0]);
}

result<asset_record> decode_asset(const leaf_entry& entry, byte_span body, const hasher& hash) {
  if (body.size() != entry.body_bytes) return fail(errc::corrupt, "an asset's record is of another size");
  GRAPHITE_TRY(auto path, logical_path::parse(entry.path));
  GRAPHITE_TRY(auto parts, decode_parts(body, hash));
  asset_record out{std::move(path), std::move(parts), {}};
  byte_reader from(body);
  from.bytes(2);
  const auto references = from.number<std::uint16_t>();
  from = byte_reader(body.last(std::size_t{8} * references));
  out.references.reserve(references);
  for (unsigned i = 0; i < references; ++i) out.references.push_back(asset_id{from.number<std::uint64_t>()});
  return out;
}

byte_vector encode_leaf(unsigned depth, const std::vector<byte_span>& entries) {
  byte_vector out;
  std::size_t size = page_header_bytes;
  for (const auto entry : entries) size += entry.size();
  GRAPHITE_INVARIANT(size <= page_bytes_max && depth <= index_depth_max);
  out.reserve(size);
  byte_writer to(out);
  to.number(static_cast<std::uint8_t>(page_kind::leaf));
  to.number(page_version);
  to.number(static_cast<std::uint8_t>(depth));
  to.number(std::uint8_t{0});
  to.number(static_cast<std::uint16_t>(entries.size()));
  to.number(std::uint16_t{0});
  for (const auto entry : entries) to.bytes(entry);
  return out;
}

byte_vector encode_inner(const inner_page& page) {
  byte_vector out;
  out.reserve(page_header_bytes + page.children.size() * inner_child_bytes);
  std::uint16_t present = 0;
  for (const auto& child : page.children) present = static_cast<std::uint16_t>(present | 1u << child.slot);
  byte_writer to(out);
  to.number(static_cast<std::uint8_t>(page_kind::inner));
  to.number(page_version);
  to.number(static_cast<std::uint8_t>(page.depth));
  to.number(std::uint8_t{0});
  to.number(present);
  to.number(std::uint16_t{0});
  for (const auto& child : page.children) {
    to.number(child.assets);
    to.number(child.entry_bytes);
    to.id(child.id);
  }
  return out;
}

result<std::variant<leaf_page, inner_page>> decode_page(byte_span bytes) {
  using any_page = std::variant<leaf_page, inner_page>;
  byte_reader from(bytes);
  const auto kind = static_cast<page_kind>(from.number<std::uint8_t>());
  const auto version = from.number<std::uint8_t>();
  const auto depth = from.number<std::uint8_t>();
  if (!from.zeros(1) || (kind != page_kind::leaf && kind != page_kind::inner))
    return fail(errc::corrupt, "not an index page");
  if (version > page_version) return fail(errc::newer_version, "an index page of a newer version");
  if (version != page_version) return fail(errc::corrupt, "not an index page");
  if (kind == page_kind::leaf) {
    GRAPHITE_TRY(auto leaf, decode_leaf(bytes, depth, from));
    return any_page(std::move(leaf));
  }
  GRAPHITE_TRY(auto inner, decode_inner(bytes, depth, from));
  return any_page(std::move(inner));
}

leaf_entry entry_at(byte_span page, std::size_t offset) {
  byte_reader from(page.subspan(offset));
  const auto entry = read_entry(from);
  GRAPHITE_INVARIANT(entry.has_value());
  return *entry;
}

}  // namespace graphite
