#include "bundle/mapped_index.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "bundle/byte_io.hpp"
#include "bundle/page_file.hpp"

namespace graphite {
namespace {

constexpr std::size_t entry_head = 12, body_head = 4, child_bytes = 48;

template <class T>
T number_at(const std::byte* at) noexcept {
  T out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

std::size_t part_size(const std::byte* at) noexcept { return number_at<std::uint64_t>(at + 1) == 0 ? 9 : 41; }

/// The counts of a body whose references lie within it.
bool take_body(byte_span body, mapped_asset& out) noexcept {
  if (body.size() < body_head) return false;
  out.body = body;
  out.parts = std::to_integer<unsigned>(body[0]);
  out.references = number_at<std::uint16_t>(body.data() + 2);
  return out.parts > 0 && out.parts <= asset_record::parts_max &&
         out.references <= asset_record::references_max &&
         body.size() >= body_head + 9 * std::size_t{out.parts} + 8 * std::size_t{out.references};
}

}  // namespace

/// A record's parts; all of them lie within its file.
struct mapped_index::record {
  page_kind kind{};
  byte_span page;
  const std::byte* links = nullptr;
  std::uint32_t link_count = 0, extent_count = 0;
  const std::byte* extents = nullptr;

  byte_span extents_from(std::size_t first, std::size_t count) const noexcept {
    if (first > extent_count || count > extent_count - first) return {};
    return {extents + encoded_extent_bytes * first, encoded_extent_bytes * count};
  }
};

mapped_index::mapped_index(std::span<const mapped_page_file> files, page_location root)
    : count_(std::min(files.size(), files_max)), root_(root.packed()) {
  std::copy_n(files.begin(), count_, files_.begin());
}

bool mapped_index::record_at(std::uint64_t packed_location, record& out) const noexcept {
  const auto number = static_cast<std::uint32_t>(packed_location >> 40);
  const std::uint64_t offset = (packed_location & ((std::uint64_t{1} << 40) - 1)) * 8;
  const mapped_page_file* file = nullptr;
  for (std::size_t i = 0; i < count_; ++i)
    if (files_[i].number == number) file = &files_[i];
  if (file == nullptr || number == 0 || offset < page_file_header_bytes) return false;
  if (file->bytes.size() < page_record_header_bytes || offset > file->bytes.size() - page_record_header_bytes)
    return false;
  const std::byte* at = file->bytes.data() + offset;
  const std::uint64_t room = file->bytes.size() - offset - page_record_header_bytes;
  const std::uint64_t bytes = number_at<std::uint32_t>(at + 8);
  out.link_count = number_at<std::uint32_t>(at + 12);
  out.extent_count = number_at<std::uint32_t>(at + 16);
  const std::uint64_t padded = align_up(bytes, 8);
  if (number_at<std::uint32_t>(at) != page_record_magic || bytes > record_bytes_max ||
      padded + 8 * std::uint64_t{out.link_count} + encoded_extent_bytes * std::uint64_t{out.extent_count} >
          room)
    return false;
  out.kind = static_cast<page_kind>(at[4]);
  out.page = {at + page_record_header_bytes, bytes};
  out.links = out.page.data() + padded;
  out.extents = out.links + 8 * std::size_t{out.link_count};
  return out.kind == page_kind::record || bytes >= page_header_bytes;
}

lookup_result mapped_index::find(asset_id id, mapped_asset& out, asset_place* place) const noexcept {
  std::uint64_t where = root_;
  for (unsigned depth = 0; depth <= index_depth_max; ++depth) {
    record here;
    if (!record_at(where, here)) return lookup_result::corrupt;
    if (here.kind == page_kind::leaf) return find_in_leaf(here, id, out, place);
    if (here.kind != page_kind::inner || std::to_integer<unsigned>(here.page[2]) != depth ||
        depth == index_depth_max)
      return lookup_result::corrupt;
    const unsigned present = number_at<std::uint16_t>(here.page.data() + 4);
    const unsigned slot = slot_of(id, depth);
    if ((present >> slot & 1u) == 0) return lookup_result::absent;
    const auto child = static_cast<unsigned>(std::popcount(present & ((1u << slot) - 1)));
    if (child >= here.link_count) return lookup_result::corrupt;
    where = number_at<std::uint64_t>(here.links + 8 * std::size_t{child});
  }
  return lookup_result::corrupt;
}

/// Entries ascend by id. On the way the extents of the inline ones before are counted, and the blobs.
lookup_result mapped_index::find_in_leaf(const record& leaf, asset_id id, mapped_asset& out,
                                         asset_place* place) const noexcept {
  if (place != nullptr) *place = {};
  const std::byte* at = leaf.page.data() + page_header_bytes;
  const std::byte* const end = leaf.page.data() + leaf.page.size();
  const unsigned entries = number_at<std::uint16_t>(leaf.page.data() + 4);
  std::size_t extents = 0, blobs = 0;
  for (unsigned i = 0; i < entries; ++i) {
    if (static_cast<std::size_t>(end - at) < entry_head + 2) return lookup_result::corrupt;
    const auto entry_id = number_at<std::uint64_t>(at);
    const std::size_t path_bytes = number_at<std::uint16_t>(at + 8);
    const bool external = (std::to_integer<unsigned>(at[10]) & 1u) != 0;
    if (entry_id > id.value) return lookup_result::absent;
    const std::size_t body_at = entry_head + path_bytes + (external ? 4 + 32 : 2);
    if (static_cast<std::size_t>(end - at) < body_at) return lookup_result::corrupt;
    const std::byte* const tail = at + entry_head + path_bytes;
    const std::size_t body_bytes = external ? 0 : number_at<std::uint16_t>(tail);
    if (static_cast<std::size_t>(end - at) < body_at + body_bytes || (!external && body_bytes < body_head))
      return lookup_result::corrupt;
    if (entry_id == id.value) {
      out.id = id;
      out.path = {reinterpret_cast<const char*>(at + entry_head), path_bytes};
      if (!external) {
        if (!take_body({tail + 2, body_bytes}, out)) return lookup_result::corrupt;
        out.extents = leaf.extents_from(extents, out.parts);
        if (place != nullptr) *place = place_of(at, out);
        return lookup_result::found;
      }
      record blob;
      if (blobs >= leaf.link_count || !record_at(number_at<std::uint64_t>(leaf.links + 8 * blobs), blob) ||
          blob.kind != page_kind::record || !take_body(blob.page, out))
        return lookup_result::corrupt;
      out.extents = blob.extents_from(0, out.parts);
      return lookup_result::found;
    }
    if (external)
      ++blobs;
    else
      extents += std::to_integer<std::size_t>(tail[2]);
    at += body_at + body_bytes;
  }
  return lookup_result::absent;
}

// A place: which file (5 bits), offset of the entry (36 bits), and how far behind it its extents lie (in
// units of 8 bytes from the next multiple of 8, 12 bits), plus one, so that it is never 0. A shape: bytes of
// the path (8 bits), parts (5) and references (8), of an inline entry whose parts are all of some bytes.
namespace {

constexpr unsigned offset_bits = 36, behind_bits = 12;
constexpr unsigned path_bits = 8, part_bits = 5, reference_bits = 8;
static_assert(5 + offset_bits + behind_bits == asset_place::where_bits && mapped_index::files_max == 32);
static_assert(path_bits + part_bits + reference_bits == asset_place::shape_bits);

template <unsigned bits>
constexpr std::uint64_t low(std::uint64_t value) {
  return value & ((std::uint64_t{1} << bits) - 1);
}

constexpr std::size_t usual_body_bytes(std::size_t parts, std::size_t references) {
  return body_head + 41 * parts + 8 * references;
}

std::uint32_t shape_of(const mapped_asset& asset) noexcept {
  if (asset.path.size() >> path_bits != 0 || asset.parts >> part_bits != 0 ||
      asset.references >> reference_bits != 0 ||
      asset.body.size() != usual_body_bytes(asset.parts, asset.references))
    return 0;
  return static_cast<std::uint32_t>(asset.path.size() << (part_bits + reference_bits) |
                                    asset.references << part_bits | asset.parts);
}

}  // namespace

asset_place mapped_index::place_of(const std::byte* entry, const mapped_asset& found) const noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    const auto& bytes = files_[i].bytes;
    if (entry < bytes.data() || entry >= bytes.data() + bytes.size() || found.extents.empty()) continue;
    const auto offset = static_cast<std::uint64_t>(entry - bytes.data());
    const auto behind = static_cast<std::uint64_t>(found.extents.data() - bytes.data()) - align_up(offset, 8);
    if (offset >> offset_bits != 0 || behind % 8 != 0 || (behind / 8 + 1) >> behind_bits != 0) return {};
    return {(i << offset_bits | offset) << behind_bits | (behind / 8 + 1), shape_of(found)};
  }
  return {};
}

bool mapped_index::at(asset_place place, asset_id id, mapped_asset& out) const noexcept {
  const auto& bytes = files_[place.where >> (offset_bits + behind_bits) & (files_max - 1)].bytes;
  const std::uint64_t offset = low<offset_bits>(place.where >> behind_bits);
  const std::uint64_t extents = align_up(offset, 8) + (low<behind_bits>(place.where) - 1) * 8;
  if (offset + entry_head + 2 > bytes.size() || extents > bytes.size()) return false;
  const std::byte* const entry = bytes.data() + offset;
  const bool usual = place.shape != 0;
  if (!usual && number_at<std::uint64_t>(entry) != id.value) return false;
  const std::size_t path_bytes =
      usual ? place.shape >> (part_bits + reference_bits) : number_at<std::uint16_t>(entry + 8);
  const std::uint64_t body_at = offset + entry_head + path_bytes + 2;
  if (body_at > bytes.size()) return false;
  if (usual) {
    out.parts = static_cast<unsigned>(low<part_bits>(place.shape));
    out.references = static_cast<unsigned>(low<reference_bits>(place.shape >> part_bits));
    const auto body_bytes = usual_body_bytes(out.parts, out.references);
    if (out.parts == 0 || body_bytes > bytes.size() - body_at) return false;
    out.body = bytes.subspan(body_at, body_bytes);
  } else {
    const std::size_t body_bytes = number_at<std::uint16_t>(bytes.data() + body_at - 2);
    if (body_bytes > bytes.size() - body_at || !take_body(bytes.subspan(body_at, body_bytes), out))
      return false;
  }
  if (encoded_extent_bytes * out.parts > bytes.size() - extents) return false;
  out.id = id;
  out.path = {reinterpret_cast<const char*>(entry + entry_head), path_bytes};
  out.extents = bytes.subspan(extents, encoded_extent_bytes * out.parts);
  return true;
}

bool mapped_index::part(const mapped_asset& asset, unsigned index, mapped_part& out) noexcept {
  if (index >= asset.parts) return false;
  const std::byte* at = asset.body.data() + body_head;
  const std::byte* const end = asset.body.data() + asset.body.size() - 8 * std::size_t{asset.references};
  for (unsigned i = 0;; ++i) {
    if (end - at < 9 || static_cast<std::size_t>(end - at) < part_size(at)) return false;
    if (i == index) break;
    at += part_size(at);
  }
  out.size = number_at<std::uint64_t>(at + 1);
  out.name = {};
  if (out.size > 0) std::memcpy(out.name.bytes.data(), at + 9, out.name.bytes.size());
  out.where = {};
  if (asset.extents.size() < encoded_extent_bytes * (std::size_t{index} + 1)) return true;
  const std::byte* const place = asset.extents.data() + encoded_extent_bytes * index;
  out.where = {segment_id{number_at<std::uint32_t>(place)}, number_at<std::uint64_t>(place + 8),
               number_at<std::uint64_t>(place + 16)};
  return true;
}

asset_id mapped_index::reference(const mapped_asset& asset, unsigned index) noexcept {
  const std::byte* const first = asset.body.data() + asset.body.size() - 8 * std::size_t{asset.references};
  return {number_at<std::uint64_t>(first + 8 * std::size_t{index})};
}

}  // namespace graphite
