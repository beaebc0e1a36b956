#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "bundle/bundle_files.hpp"
#include "bundle/head_codec.hpp"
#include "bundle/index_tree.hpp"
#include "bundle/mapped_index.hpp"
#include "runtime/lookup_memory.hpp"

namespace graphite {

/// Which segments a generation has mapped: looked up without a lock, extended under one. A mapping stays
/// until the generation ends.
class segment_views {
 public:
  segment_views() = default;
  segment_views(const segment_views&) = delete;
  segment_views& operator=(const segment_views&) = delete;

  /// Null: not mapped yet.
  const bundle_files::mapping* find(segment_id id) const noexcept;
  /// Maps it from `files` unless another thread has. Errors: those of bundle_files::segment.
  result<bundle_files::mapping> map(segment_id id, const bundle_files& files) const;
  /// Maps all that `files` has; one that cannot be is left for map() to say so.
  result<void> map_all(const bundle_files& files);

 private:
  struct entry {
    segment_id id;
    bundle_files::mapping view;
  };
  using table = std::vector<entry>;  ///< ascending by id

  mutable std::atomic<const table*> newest_{nullptr};
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<const table>> tables_;  ///< readers may still look at older ones
};

/// One generation of a bundle as readers see it: index and segments stay as they were, whatever becomes of
/// the folder. Immutable once it is shared; thread-safe.
///
/// open() maps page files and segments and looks at head and root page: O(files), not O(assets). What
/// lies in them is trusted as far as the opener verified it (verify_since()).
class generation {
 public:
  /// The newest one. Errors: not_found, corrupt, newer_version, unsupported, io.
  static result<std::shared_ptr<generation>> open(std::shared_ptr<const bundle_files> files,
                                                  const hasher& hash);
  /// The one that `head` (as encoded) names. Errors: the same.
  static result<std::shared_ptr<generation>> open_at(byte_span head,
                                                     std::shared_ptr<const bundle_files> files,
                                                     const hasher& hash);
  /// Remembers from now on where assets are: what `before` (may be null) does, but for `changed` (ids,
  /// ascending), which are all in which the two differ. Where their files are not the same it begins anew.
  /// Before it is shared.
  void remember(const generation* before, const std::vector<asset_id>& changed);

  const head& what() const { return head_.value; }
  /// O(log assets), without allocation, lock or system call.
  lookup_result find(asset_id id, mapped_asset& out) const noexcept {
    if (const auto known = found_.find(id); known.known() && index_.at(known, id, out))
      return lookup_result::found;
    asset_place place;
    const auto result = index_.find(id, out, &place);
    if (place.known()) found_.put(id, place);
    return result;
  }
  /// Errors: not_found (its place is not known here, or its segment is gone), corrupt, io.
  result<byte_span> bytes(const mapped_part& part) const;
  /// On demand: asks for the asset's bytes. False where nobody will bring them.
  bool want(asset_id id) const { return files_->want(id); }
  /// The same with what keeps them mapped beyond this generation; null where there are none. Errors: the
  /// same.
  struct held_bytes {
    bundle_files::mapping owner;
    byte_span bytes;
  };
  result<held_bytes> hold(const mapped_part& part) const;

  /// Where the contents of these assets lie, as far as they are here; close neighbours joined.
  std::vector<extent> places_of(const std::vector<asset_id>& ids) const;
  /// See mapped_range::let_go().
  void let_go(const std::vector<extent>& places) const;

  /// The same index as a tree, to compare and verify: pages are checked against their digests.
  result<index_tree> tree() const;
  /// What differs from `before`, whose pages and contents are good, is read and checked: pages, and every
  /// part of what was added or changed. The changes. `staging`: contents are copied there to be checked,
  /// piece by piece and by plain reads, so that none of them has to be mapped in memory; 64 KiB and more is
  /// fast. Empty: they are checked where they are mapped. Errors: corrupt, not_found, io.
  result<asset_changes> verify_since(const generation* before, std::span<std::byte> staging = {}) const;

 private:
  class pages;
  generation(head_file head, std::shared_ptr<const bundle_files> files, const hasher& hash)
      : head_(std::move(head)), files_(std::move(files)), hash_(hash) {}
  result<void> map_files();
  result<extent> place_of(const mapped_part& part) const;
  result<void> verify_part(const mapped_part& part, const content_ref& content,
                           std::span<std::byte> staging) const;
  result<bundle_files::mapping> segment(segment_id id) const;

  const head_file head_;
  const std::shared_ptr<const bundle_files> files_;
  const hasher& hash_;
  std::shared_ptr<const pages> pages_;
  mapped_index index_;
  lookup_memory found_;
  segment_views segments_;
};

}  // namespace graphite
