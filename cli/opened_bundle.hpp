#pragma once

#include <memory>
#include <string>

#include "bundle/export.hpp"
#include "bundle/index_tree.hpp"
#include "bundle/verify.hpp"

namespace graphite {

/// A bundle opened for looking at: a folder that a channel publishes, or an exported file. Read-only, and
/// without the store's database: contents that the index does not place are found by scanning segment
/// headers.
///
/// Immutable; the files stay mapped as long as it lives. Thread-safe.
struct opened_bundle {
  std::string path;  ///< as given
  bool exported = false;
  head_file head;  ///< local pointers: places here
  std::shared_ptr<const extent_source> contents;
  std::shared_ptr<const index_tree> tree;
  extent_lookup find;  ///< may be null; slow on first use: O(contents of all segments)

  /// The bytes of one part, verified. Errors: not_found, corrupt, io.
  result<byte_span> part(const located_asset& asset, std::size_t index) const;
};

/// Errors: not_found (no such file, or a folder without `head`), corrupt, newer_version, io.
result<opened_bundle> open_bundle(const std::string& path);

/// How an asset of several parts is laid out.
enum class parts_as {
  one_file,  ///< PATH: the parts one after the other
  files      ///< PATH.part0, PATH.part1 …
};

/// Verifies and lays out below `folder`, which must not exist or be empty; it appears complete or not at all.
/// Errors: already_exists, corrupt, out_of_space, io.
struct extract_summary {
  std::uint64_t assets = 0, files = 0, bytes = 0;
};
using asset_filter = std::function<bool(const std::string& path)>;
using bytes_progress = std::function<void(std::uint64_t assets, const std::string& now)>;
result<extract_summary> extract_bundle(const opened_bundle& bundle, const std::string& folder,
                                       const asset_filter& wanted, parts_as how,
                                       const bytes_progress& progress);

/// Writes one self-contained file under a temporary name, syncs and renames it. Errors: already_exists unless
/// `replace`, those of export_bundle.
result<export_summary> write_export(const opened_bundle& bundle, const std::string& file, bool replace);

}  // namespace graphite
