#include "bench/large_bundle.hpp"

#include <fmt/format.h>

#include <fstream>

#include "bench/child.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/head_codec.hpp"
#include "bundle/index_tree.hpp"
#include "bundle/page_file.hpp"
#include "bundle/segment_format.hpp"
#include "core/checksum.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite::bench {
namespace {

void write_bytes(const std::string& path, byte_span bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!out) give_up("cannot write " + path);
}

}  // namespace

std::string large_bundle_asset(std::size_t i) {
  return fmt::format("levels/area{:03}/textures/stone_wall_{:07}_albedo_v2.png", i % 997, i);
}

void write_large_bundle(const std::string& folder, std::size_t assets) {
  const openssl_hasher hash;
  constexpr segment_id segment{1};
  constexpr std::uint32_t pages = 1;
  const std::string text(100, 'x');
  const auto bytes = as_bytes(std::string_view(text));
  const auto list = chunk_bytes(bytes, hash);
  const auto content = content_of(list, hash);
  const auto place = next_placement(segment_header_bytes, bytes.size());
  byte_vector segment_bytes = encode_segment_header({segment, {}});
  segment_bytes.resize(place.header_offset);
  const auto header = encode_segment_record({segment_record_kind::content, content, checksum64(bytes)},
                                            segment, place.header_offset);
  segment_bytes.insert(segment_bytes.end(), header.begin(), header.end());
  segment_bytes.resize(place.data_offset);
  segment_bytes.insert(segment_bytes.end(), bytes.begin(), bytes.end());
  write_bytes(folder + "/" + segment_file_name(segment), segment_bytes);

  std::vector<asset_record> records;
  records.reserve(assets);
  for (std::size_t i = 0; i < assets; ++i)
    records.push_back({logical_path::parse(large_bundle_asset(i)).value(), {part_of(content, list)}, {}});
  const auto tree = index_tree::build(records, hash).value();
  byte_vector page_bytes = encode_page_file_header(pages);
  const auto batch = encode_pages(
      unwritten_pages(tree), pages, page_bytes.size(),
      [&](const content_ref&) { return std::optional(place.where(segment, bytes.size())); }, hash);
  if (!batch) give_up(batch.error().context);
  batch->mark_written();
  page_bytes.insert(page_bytes.end(), batch->bytes.begin(), batch->bytes.end());
  write_bytes(folder + "/" + page_file_name(pages), page_bytes);

  head value;
  value.channel = "main";
  value.epoch = {1};
  value.sequence = {1};
  value.root = tree.root();
  value.assets = tree.assets();
  write_bytes(folder + "/head", encode_head({value, tree.root_location(), {}, {pages}}, hash).value());
}

}  // namespace graphite::bench
