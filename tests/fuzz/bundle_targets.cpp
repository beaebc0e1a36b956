#include "bundle/byte_io.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/export.hpp"
#include "bundle/index_tree.hpp"
#include "bundle/record_bytes.hpp"
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

/// Pages as somebody hostile has them: the places of those below a page lead to any, also to itself.
class hostile_pages final : public page_source {
 public:
  explicit hostile_pages(byte_span bytes) {
    byte_reader from(bytes);
    while (from.ok() && !from.rest().empty()) pages_.push_back(from.bytes(from.number<std::uint16_t>()));
  }

  bool empty() const { return pages_.empty(); }
  result<stored_page> load(const digest&, page_location hint) const override {
    const auto at = hint.offset / 8 % pages_.size();
    stored_page out{pages_[at], {}, {}, {}};
    for (std::size_t i = 1; i <= links_of(pages_[at]); ++i) out.links.push_back({1, (at + i) * 8});
    return out;
  }

 private:
  static std::size_t links_of(byte_span bytes) {
    const auto page = decode_page(bytes);
    if (!page) return 0;
    if (const auto* inner = std::get_if<inner_page>(&*page)) return inner->children.size();
    const auto& offsets = std::get<leaf_page>(*page).offsets;
    return static_cast<std::size_t>(
        std::ranges::count_if(offsets, [&](auto offset) { return entry_at(bytes, offset).external; }));
  }

  std::vector<byte_span> pages_;
};

}  // namespace

/// Whatever it is, a walk through all of it ends and stays in the file.
bool exported_file(byte_span bytes) {
  const auto file = exported_bundle::open(bytes, blind);
  if (!file) return false;
  const auto& from = (*file)->head();
  const auto tree = index_tree::open(from.value.root, from.root, *file, blind);
  if (!tree) return false;
  verify_options options;
  options.head = &from;
  return verify_bundle(*tree, **file, options).good();
}

bool index_walk(byte_span bytes) {
  const auto source = std::make_shared<const hostile_pages>(bytes);
  if (source->empty()) return false;
  const auto tree = index_tree::open(blind.sha256({}), {1, 0}, source, blind);
  if (!tree) return false;
  std::optional<asset_id> last;
  std::uint64_t seen = 0;
  const auto walked = tree->for_each([&](const located_asset& asset) {
    GRAPHITE_INVARIANT(!last || *last < asset.record.id());
    last = asset.record.id();
    ++seen;
    return true;
  });
  GRAPHITE_INVARIANT(!walked || seen == tree->assets());
  if (last) (void)tree->find(*last);
  (void)diff(index_tree(blind), *tree, [](auto, auto) { return true; });
  const auto changed = tree->apply({{asset_record{logical_path::parse("a").value(), {}, {}}}, {}});
  GRAPHITE_INVARIANT(!changed || !walked || changed->assets() >= seen);
  (void)for_each_page(*tree, [](const auto&) { return result<void>(); });
  return walked.has_value();
}

bool announced_record(byte_span bytes) {
  const auto record = decode_record(bytes, blind);
  if (record) expect_equal(encode_record(*record, blind), bytes);
  return record.has_value();
}

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
