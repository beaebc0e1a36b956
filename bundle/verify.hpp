#pragma once

#include <functional>

#include "bundle/head_codec.hpp"
#include "bundle/page_file.hpp"
#include "core/ports/parallel_calls.hpp"

namespace graphite {

/// Gives the bytes of extents. Thread-safe.
class extent_source {
 public:
  virtual ~extent_source() = default;
  /// Exactly where.length bytes, valid while the source lives. Errors: not_found (no such segment), corrupt
  /// (beyond its end), io.
  virtual result<byte_span> bytes(const extent& where) const = 0;
};

/// The side object that a head names: what is behind. Nothing where it is not held here; an empty list where
/// none is named. `find` (may be null) is asked where the head does not say where it lies.
/// Errors: corrupt, newer_version, those of the source.
result<std::optional<behind_list>> read_behind(const head_file& head, const extent_source& contents,
                                               const extent_lookup& find, const hasher& hash);

struct verify_options {
  std::size_t errors_max = 100;  ///< this many are reported, all are counted
  bool contents = true;          ///< false: the index alone
  /// Where contents lie that the index does not place. Null: those are errors.
  extent_lookup find;
  /// The head that leads to the tree: it must say how many assets that has, and its side object is read,
  /// too, where it is held. Null: the tree alone.
  const head_file* head = nullptr;
  /// Contents are read by these; null: by the calling thread. The report is the same.
  parallel_calls* parallel = nullptr;
  /// Asked after each asset, and after each of the batches that contents are read in; false ends the walk
  /// early (cancelled, or to show progress).
  std::function<bool(std::uint64_t assets, std::uint64_t bytes)> progress;
};

struct verify_report {
  std::uint64_t pages = 0, assets = 0, contents = 0, chunks = 0, bytes = 0;
  std::uint64_t errors = 0;
  std::vector<error> first_errors;  ///< at most errors_max
  bool complete = true;             ///< false where `progress` ended it
  bool good() const { return errors == 0 && complete; }
};

/// Reads everything below `tree`'s root: each page against its digest and its parent, each record, each
/// part's bytes against its content digest (through its chunks). Goes on behind what is broken. What the
/// tree already holds in memory is taken as good: open a fresh one. A content at one place is read once.
verify_report verify_bundle(const index_tree& tree, const extent_source& contents,
                            const verify_options& options);

/// One content against its digest; returns how many chunks it has. Errors: corrupt.
result<std::size_t> verify_content(const content_ref& content, byte_span bytes, const hasher& hash);

}  // namespace graphite
