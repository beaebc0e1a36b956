#pragma once

#include <array>
#include <span>

#include "bundle/asset.hpp"
#include "bundle/lookup_cache.hpp"
#include "bundle/page_source.hpp"

/// \file Look-ups in index pages as they lie in mapped files: what readers of a generation use. Pure.

namespace graphite {

/// A page file as it is mapped: its number and bytes from its beginning.
struct mapped_page_file {
  std::uint32_t number = 0;
  byte_span bytes;
};

/// An asset as it lies in its pages. Views into the mapped files.
struct mapped_asset {
  asset_id id;
  std::string_view path;
  byte_span body;     ///< parts and references as encoded (docs/formats/bundle.md, section 3)
  byte_span extents;  ///< 24 bytes a part, in order
  unsigned parts = 0, references = 0;
};

/// One part of it. `name` is as the body has it: of the only chunk, or of the content.
struct mapped_part {
  std::uint64_t size = 0;
  digest name;
  extent where;  ///< segment zero: not known here, or no bytes
};

enum class lookup_result : std::uint8_t { found, absent, corrupt };

/// The index of one generation over mapped page files.
///
/// Some hundred bytes; no allocation, no lock, no system call in a look-up: at 10^6 assets four
/// inner pages and half a leaf. Nothing is digested: whoever opens a generation verifies what it does not
/// trust (index_tree, verify_bundle). Damaged pages give `corrupt` or a wrong asset, and never a read outside
/// the files. Thread-safe while the mappings live.
class mapped_index {
 public:
  static constexpr std::size_t files_max = 32;

  mapped_index() = default;
  /// At most files_max files.
  mapped_index(std::span<const mapped_page_file> files, page_location root);

  /// `place` (may be null): where it was found, for at(); none where that cannot be said.
  lookup_result find(asset_id id, mapped_asset& out, asset_place* place = nullptr) const noexcept;
  /// The asset at a place that find() gave for it, in this index or in one whose files begin as these.
  /// Touches no byte of the files where the place has the shape, else the asset's own. False where that is
  /// read and is something else, and where the place is outside the files.
  bool at(asset_place place, asset_id id, mapped_asset& out) const noexcept;
  /// Parts of `asset` are counted from 0. False where there is no such part or its bytes are malformed.
  static bool part(const mapped_asset& asset, unsigned index, mapped_part& out) noexcept;
  /// Run-time references, `index` below asset.references.
  static asset_id reference(const mapped_asset& asset, unsigned index) noexcept;

 private:
  struct record;
  bool record_at(std::uint64_t packed_location, record& out) const noexcept;
  lookup_result find_in_leaf(const record& leaf, asset_id id, mapped_asset& out,
                             asset_place* place) const noexcept;
  asset_place place_of(const std::byte* entry, const mapped_asset& found) const noexcept;

  std::array<mapped_page_file, files_max> files_{};
  std::size_t count_ = 0;
  std::uint64_t root_ = 0;  ///< packed location
};

}  // namespace graphite
