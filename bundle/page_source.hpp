#pragma once

#include <memory>

#include "bundle/index_page.hpp"

namespace graphite {

/// Where a page lies: a local matter, never digested. The default means "unknown".
struct page_location {
  static constexpr std::uint32_t file_max = (1u << 24) - 1;
  static constexpr std::uint64_t offset_max = ((std::uint64_t{1} << 40) - 1) * 8;

  std::uint32_t file = 0;    ///< number of a page file, 1 … file_max
  std::uint64_t offset = 0;  ///< of the page's record in it, a multiple of 8
  auto operator<=>(const page_location&) const = default;

  bool known() const { return file != 0; }
  /// As one number: file << 40 | offset / 8.
  std::uint64_t packed() const { return std::uint64_t{file} << 40 | offset / 8; }
  /// Every number is one (file 0: unknown).
  static page_location from_packed(std::uint64_t value) {
    const auto file = static_cast<std::uint32_t>(value >> 40);
    return file == 0 ? page_location{} : page_location{file, (value & ((std::uint64_t{1} << 40) - 1)) * 8};
  }
};

/// A page as a source gives it: digested bytes and, where the source knows them, its local pointers.
struct stored_page {
  byte_span bytes;                   ///< valid while `keep` lives
  std::vector<page_location> links;  ///< of an inner page's children or a leaf's record blobs, in order
  std::vector<extent> extents;       ///< one a part: of a leaf's inline entries, or of the record blob
  std::shared_ptr<const void> keep;  ///< owner of `bytes`; null where they outlive every tree
};

/// Where an index tree gets the pages that it does not hold. Thread-safe.
class page_source {
 public:
  virtual ~page_source() = default;
  /// The page or record blob named `id`; `hint` is where it should lie, if known. The caller checks the
  /// digest. Errors: not_found, corrupt, io, unavailable.
  virtual result<stored_page> load(const digest& id, page_location hint) const = 0;
};

}  // namespace graphite
