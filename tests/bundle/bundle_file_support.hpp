#pragma once

#include "bundle/chunker.hpp"
#include "bundle/export.hpp"
#include "bundle/segment_format.hpp"
#include "core/checksum.hpp"
#include "tests/bundle/index_support.hpp"

namespace graphite::test {

/// A bundle as its folder would be: one segment file and one page file, in memory.
class memory_bundle final : public page_source, public extent_source {
 public:
  static constexpr std::uint32_t page_file = 3;
  static constexpr segment_id segment{5};

  /// An asset whose part is `bytes`, placed in the segment.
  asset_record add(std::string_view name, byte_span bytes) {
    const auto list = chunk_bytes(bytes, sha());
    const auto content = content_of(list, sha());
    const auto place = next_placement(segment_bytes.size(), bytes.size());
    segment_bytes.resize(place.end);
    const auto at = [&](std::uint64_t offset) {
      return segment_bytes.begin() + static_cast<std::ptrdiff_t>(offset);
    };
    const auto header = encode_segment_record({segment_record_kind::content, content, checksum64(bytes)},
                                              segment, place.header_offset);
    std::copy(header.begin(), header.end(), at(place.header_offset));
    std::copy(bytes.begin(), bytes.end(), at(place.data_offset));
    places[content.id] = place.where(segment, bytes.size());
    return {path(name), {part_of(content, list)}, {}};
  }

  extent_lookup find() const {
    return [this](const content_ref& content) -> std::optional<extent> {
      const auto found = places.find(content.id);
      return found == places.end() ? std::nullopt : std::optional(found->second);
    };
  }

  /// Appends what `tree` has not written yet; returns how many pages.
  std::size_t write(const index_tree& tree) {
    const auto batch =
        encode_pages(unwritten_pages(tree), page_file, page_bytes.size(), find(), sha()).value();
    byte_writer(page_bytes).bytes(batch.bytes);
    batch.mark_written();
    return batch.pages.size();
  }

  result<stored_page> load(const digest& id, page_location hint) const override {
    if (hint.file != page_file) return fail(errc::not_found, "no such page file");
    return page_at(page_bytes, hint, id);
  }
  result<byte_span> bytes(const extent& where) const override {
    if (where.segment != segment) return fail(errc::not_found, "no such segment");
    if (where.offset > segment_bytes.size() || where.length > segment_bytes.size() - where.offset)
      return fail(errc::corrupt, "beyond the end");
    return byte_span(segment_bytes).subspan(where.offset, where.length);
  }

  byte_vector segment_bytes = encode_segment_header({segment, {}});
  byte_vector page_bytes = encode_page_file_header(page_file);
  std::map<digest, extent> places;
};

/// `count` assets with small, large and no bytes and one record blob.
inline index_tree fill(memory_bundle& into, std::size_t count) {
  std::vector<asset_record> records;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = i % 17 == 0 ? 0 : i % 13 == 0 ? 90'000 : 40 + i;
    records.push_back(into.add(asset_name(i), random_bytes(size, i % 50)));
  }
  for (std::uint64_t i = 0; i < 300; ++i) records[1].references.push_back(asset_id{7 * i + 1});
  return index_tree::build(records, sha()).value();
}

inline head sample_head(const index_tree& tree) {
  head out;
  out.channel = "main";
  out.lineage.value.bytes = {1, 2, 3};
  out.epoch = {1'700'000'000};
  out.sequence = {42};
  out.root = tree.root();
  out.assets = tree.assets();
  out.revision = {9};
  out.published_unix_ns = 1'700'000'000'123'456'789;
  return out;
}

}  // namespace graphite::test
