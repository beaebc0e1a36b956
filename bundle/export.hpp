#pragma once

#include <functional>

#include "bundle/head_codec.hpp"
#include "bundle/verify.hpp"

/// \file The self-contained form of a bundle: one `.grph` file. Pure: bytes go to a sink, come from a span.
///
/// A 64-byte header, then every content and the side object once (aligned as in segments), then the index
/// pages as records of "page file 1", and the head as the last 1,024 bytes, so that it is written in one
/// pass. All offsets in it are those of this file; its contents are "segment 1".

namespace graphite {

inline constexpr std::uint16_t export_version = 1;
inline constexpr std::uint64_t export_header_bytes = 64;

/// Takes bytes in file order.
using byte_sink = std::function<result<void>(byte_span bytes)>;

struct export_summary {
  std::uint64_t assets = 0, contents = 0, pages = 0, bytes = 0;
};

/// Writes the bundle of the head `from`, whose index is `tree`. Contents are read from `contents`, where the
/// index (of the side object: `from`) or else `find` (may be null) says, and verified on the way. A side
/// object that is not held is left out; the signature comes along.
/// Memory: about 100 bytes a content and a page. Errors: those of sink and sources, corrupt, not_found.
result<export_summary> export_bundle(const head_file& from, const index_tree& tree,
                                     const extent_source& contents, const extent_lookup& find,
                                     const byte_sink& sink);

/// Whether `file`, all of it, begins as an exported file does. Errors: corrupt, newer_version.
result<void> check_export_header(byte_span file);

/// An exported file as the source of its own pages and contents. Immutable, thread-safe.
class exported_bundle final : public page_source, public extent_source {
 public:
  /// `file` is all of it and outlives the result, or is owned by `keep`. Reads header and head only.
  /// Errors: corrupt, newer_version.
  static result<std::shared_ptr<const exported_bundle>> open(byte_span file, const hasher& hash,
                                                             std::shared_ptr<const void> keep = nullptr);

  /// Its local pointers are places in this file.
  const head_file& head() const { return head_; }

  result<stored_page> load(const digest& id, page_location hint) const override;
  result<byte_span> bytes(const extent& where) const override;

 private:
  exported_bundle(byte_span file, head_file head, std::shared_ptr<const void> keep)
      : file_(file), head_(std::move(head)), keep_(std::move(keep)) {}
  byte_span file_;
  head_file head_;
  std::shared_ptr<const void> keep_;
};

}  // namespace graphite
