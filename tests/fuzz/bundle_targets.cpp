#include "bundle/byte_io.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/head_codec.hpp"
#include "bundle/page_file.hpp"
#include "bundle/segment_format.hpp"
#include "tests/fuzz/blind_hasher.hpp"
#include "tests/fuzz/targets.hpp"

namespace graphite::fuzz {

namespace {

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

bool head(byte_span bytes) {
  const auto read = decode_head(bytes, blind);
  if (read) expect_equal(encode_head(*read, blind).value(), bytes);
  return read.has_value();
}

bool behind_list(byte_span bytes) {
  const auto read = decode_behind(bytes);
  if (read) expect_equal(encode_behind(*read), bytes);
  return read.has_value();
}

bool chunk_list(byte_span bytes) {
  const auto top = decode_top_list(bytes);
  if (top && top->level == 0) expect_equal(encode_chunk_list(top->entries, blind).top, bytes);
  return top.has_value();
}

bool index_page(byte_span bytes) {
  const auto page = decode_page(bytes);
  if (!page) return false;
  if (const auto* inner = std::get_if<inner_page>(&*page))
    expect_equal(encode_inner(*inner), bytes);
  else
    leaf(bytes, std::get<leaf_page>(*page));
  return true;
}

/// A whole page file: what a scan finds is decoded as pages, too.
bool page_record(byte_span bytes) {
  const auto header = decode_page_file_header(bytes);
  scan_pages(bytes, 1, 0, [&](std::uint64_t offset, const graphite::page_record& record) {
    const bool is_record = record.kind == page_kind::record;
    (void)index_node::from_stored(record.id, {1, offset}, record.page, is_record, blind);
  });
  return header.has_value();
}

bool segment(byte_span bytes) {
  const auto header = decode_segment_header(bytes);
  const auto visit = [&](const scanned_record& found) {
    GRAPHITE_INVARIANT(found.place.data_offset + found.record.content.size <= bytes.size());
  };
  const auto summary = scan_records(bytes, segment_id{1}, 0, scan_depth::data, visit);
  GRAPHITE_INVARIANT(summary.tail >= segment_header_bytes);
  return header.has_value();
}

}  // namespace graphite::fuzz
