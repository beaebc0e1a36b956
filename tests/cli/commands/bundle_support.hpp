#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "bundle/chunk_list.hpp"
#include "bundle/head_codec.hpp"
#include "bundle/page_file.hpp"
#include "bundle/segment_format.hpp"
#include "core/checksum.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite::test {

inline const openssl_hasher& sha() {
  static const openssl_hasher hash;
  return hash;
}

inline chunk_list chunks_of(const std::string& text) {
  if (text.empty()) return {};
  return {{chunk_ref{sha().sha256(as_bytes(text)), static_cast<std::uint32_t>(text.size())}}};
}

/// A state folder with one channel, written by hand as the formats say: `STATE/bundles/main` and
/// `STATE/segments`. Texts are at most 64 KiB.
class handmade_bundle {
 public:
  explicit handmade_bundle(std::filesystem::path state) : state_(std::move(state)) {
    std::filesystem::create_directories(bundle());
    std::filesystem::create_directories(state_ / "segments");
  }

  std::filesystem::path bundle() const { return state_ / "bundles" / "main"; }
  std::filesystem::path segment() const { return state_ / "segments" / segment_file_name(segment_id{1}); }

  /// `placed`: the index says where contents lie; otherwise they must be searched for.
  void write(const std::map<std::string, std::string>& files, bool placed = true) {
    std::map<std::string, std::vector<std::string>> parts;
    for (const auto& [name, text] : files) parts[name] = {text};
    write_parts(parts, placed);
  }

  /// Each asset with its parts.
  void write_parts(const std::map<std::string, std::vector<std::string>>& files, bool placed = true) {
    std::vector<asset_record> records;
    std::map<digest, extent> extents;
    byte_vector segment_bytes = encode_segment_header({segment_id{1}, {}});
    for (const auto& [name, parts] : files) {
      asset_record record{logical_path::parse(name).value(), {}, {}};
      for (const auto& text : parts) {
        const chunk_list chunks = chunks_of(text);
        const content_ref content = content_of(chunks, sha());
        record.parts.push_back(part_of(content, chunks));
        extents.emplace(content.id, append(segment_bytes, content, text));
      }
      records.push_back(std::move(record));
    }
    const index_tree tree = index_tree::build(records, sha()).value();
    const extent_lookup find = [&](const content_ref& content) -> std::optional<extent> {
      if (!placed) return std::nullopt;
      return extents.at(content.id);
    };
    const page_batch pages =
        encode_pages(unwritten_pages(tree), 1, page_file_header_bytes, find, sha()).value();
    pages.mark_written();
    byte_vector page_file = encode_page_file_header(1);
    page_file.insert(page_file.end(), pages.bytes.begin(), pages.bytes.end());
    put(segment(), segment_bytes);
    put(bundle() / page_file_name(1), page_file);
    head_file head;
    head.value.channel = "main";
    head.value.epoch.value = 5;
    head.value.sequence.value = 42;
    head.value.lineage.value.bytes[0] = 1;
    head.value.root = tree.root();
    head.value.assets = tree.assets();
    head.root = tree.root_location();
    head.page_files = {1};
    put(bundle() / "head", encode_head(head, sha()).value());
  }

 private:
  static extent append(byte_vector& file, const content_ref& content, const std::string& text) {
    const segment_place place = next_placement(file.size(), content.size);
    const segment_record record{segment_record_kind::content, content, checksum64(as_bytes(text))};
    const byte_vector header = encode_segment_record(record, segment_id{1}, place.header_offset);
    file.resize(place.end);
    std::copy(header.begin(), header.end(), file.begin() + static_cast<std::ptrdiff_t>(place.header_offset));
    const byte_span bytes = as_bytes(text);
    std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(place.data_offset));
    return place.where(segment_id{1}, content.size);
  }

  static void put(const std::filesystem::path& path, const byte_vector& bytes) {
    std::ofstream(path, std::ios::binary) << as_text(bytes);
  }

  std::filesystem::path state_;
};

inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Turns over one bit of a file.
inline void flip_bit(const std::filesystem::path& path, std::size_t offset) {
  std::string text = file_text(path);
  text.at(offset) = static_cast<char>(text[offset] ^ 1);
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace graphite::test
