#include "tests/fuzz/bundle_targets.hpp"

#include <algorithm>

#include "bundle/byte_io.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/head_codec.hpp"
#include "bundle/page_file.hpp"
#include "bundle/segment_format.hpp"

namespace graphite::fuzz {

namespace {

/// Says that every digest is the same, so that mutated bytes get past it to the decoder.
class blind_hasher final : public hasher {
 public:
  digest sha256(byte_span) const override {
    digest out;
    out.bytes.fill(0x5a);
    return out;
  }
};
const blind_hasher blind;

void expect_equal(byte_span made, byte_span given) { GRAPHITE_INVARIANT(std::ranges::equal(made, given)); }

void leaf(byte_span bytes, const leaf_page& page) {
  std::vector<byte_span> entries;
  for (const auto offset : page.offsets) {
    const auto entry = entry_at(bytes, offset);
    entries.push_back(entry.encoded);
    if (entry.external) continue;
    const auto asset = decode_asset(entry, entry.body, blind);
    GRAPHITE_INVARIANT(asset.has_value());
    GRAPHITE_INVARIANT(entry_bytes(*asset) == entry.encoded.size());
    expect_equal(encode_asset(*asset, blind).entry, entry.encoded);
  }
  expect_equal(encode_leaf(page.depth, entries), bytes);
}

}  // namespace

void head(byte_span bytes) {
  if (const auto read = decode_head(bytes, blind)) expect_equal(encode_head(*read, blind).value(), bytes);
}

void behind_list(byte_span bytes) {
  if (const auto read = decode_behind(bytes)) expect_equal(encode_behind(*read), bytes);
}

void chunk_list(byte_span bytes) {
  const auto top = decode_top_list(bytes);
  if (!top || top->level != 0) return;
  expect_equal(encode_chunk_list(top->entries, blind).top, bytes);
}

void index_page(byte_span bytes) {
  const auto page = decode_page(bytes);
  if (!page) return;
  if (const auto* inner = std::get_if<inner_page>(&*page))
    expect_equal(encode_inner(*inner), bytes);
  else
    leaf(bytes, std::get<leaf_page>(*page));
}

/// A whole page file: what a scan finds is decoded as pages, too.
void page_record(byte_span bytes) {
  (void)decode_page_file_header(bytes);
  scan_pages(bytes, 1, 0, [&](std::uint64_t offset, const graphite::page_record& record) {
    const bool is_record = record.kind == page_kind::record;
    (void)index_node::from_stored(record.id, {1, offset}, record.page, is_record, blind);
  });
}

void segment(byte_span bytes) {
  (void)decode_segment_header(bytes);
  const auto visit = [&](const scanned_record& found) {
    GRAPHITE_INVARIANT(found.place.data_offset + found.record.content.size <= bytes.size());
  };
  const auto summary = scan_records(bytes, segment_id{1}, 0, scan_depth::data, visit);
  GRAPHITE_INVARIANT(summary.tail >= segment_header_bytes);
}

}  // namespace graphite::fuzz
