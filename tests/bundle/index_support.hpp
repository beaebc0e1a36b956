#pragma once

#include <fmt/format.h>

#include <map>
#include <mutex>

#include "bundle/chunk_list.hpp"
#include "bundle/index_tree.hpp"
#include "tests/bundle/support.hpp"

namespace graphite::test {

inline logical_path path(std::string_view text) { return logical_path::parse(text).value(); }

/// An asset whose content (not its bytes) follows from `version`; `size` 0, small or large.
inline asset_record make_asset(std::string_view name, std::uint64_t version, std::uint64_t size = 1000) {
  asset_record out{path(name), {}, {}};
  asset_part part;
  part.content.size = size;
  const auto id = sha().sha256(std::as_bytes(std::span(&version, 1)));
  if (size == 0) {
    part.content = empty_content(sha());
  } else if (size <= single_chunk_bytes_max) {
    part.only_chunk = id;
    part.content = content_of(chunk_ref{id, static_cast<std::uint32_t>(size)}, sha());
  } else {
    part.content.id = id;
  }
  out.parts.push_back(part);
  return out;
}

/// An asset whose body is a record blob.
inline asset_record make_large_asset(std::string_view name, std::uint64_t version,
                                     std::size_t references = 500) {
  auto out = make_asset(name, version);
  for (std::size_t i = 0; i < references; ++i) out.references.push_back(asset_id{i * 1000 + version});
  return out;
}

inline std::string asset_name(std::size_t i) {
  return fmt::format("levels/area{:03}/textures/stone_wall_{:07}_albedo.png", i % 997, i);
}

inline std::vector<asset_record> many_assets(std::size_t count) {
  std::vector<asset_record> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) out.push_back(make_asset(asset_name(i), i));
  return out;
}

/// Pages in memory by digest; counts what is asked for. A page's "location" is its number here.
class memory_pages final : public page_source {
 public:
  /// Takes all unwritten pages of `tree` over and gives them locations, as a page file would.
  std::size_t write(const index_tree& tree) {
    const auto pages = unwritten_pages(tree);
    for (const auto& node : pages) {
      pages_[node->id()] = byte_vector(node->bytes().begin(), node->bytes().end());
      node->set_location({1, 8 * ++written_});
    }
    return pages.size();
  }
  result<stored_page> load(const digest& id, page_location) const override {
    ++loads;
    const auto found = pages_.find(id);
    if (found == pages_.end()) return fail(errc::not_found, "no page " + to_hex(id));
    return stored_page{found->second, {}, {}, {}};
  }
  std::map<digest, byte_vector>& pages() { return pages_; }
  mutable std::atomic<std::size_t> loads = 0;

 private:
  std::map<digest, byte_vector> pages_;
  std::uint64_t written_ = 0;
};

}  // namespace graphite::test
