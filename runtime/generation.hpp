#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "bundle/bundle_files.hpp"
#include "bundle/head_codec.hpp"
#include "bundle/index_tree.hpp"
#include "bundle/lookup_cache.hpp"
#include "bundle/mapped_index.hpp"

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

/// One generation of a bundle as readers see it: its index and every segment that was read from stay as they
/// were, whatever becomes of the folder. A segment that is removed before it was first read is not_found.
/// Immutable; thread-safe.
///
/// open() maps the page files and looks at head and root page: O(page files), not O(assets). Contents are
/// mapped when first read. What lies in the files is trusted as far as the opener verified it (verify()).
class generation {
 public:
  /// The newest one. Errors: not_found, corrupt, newer_version, unsupported, io.
  static result<std::shared_ptr<const generation>> open(std::shared_ptr<const bundle_files> files,
                                                        const hasher& hash);

  const head& what() const { return head_.value; }
  /// O(log assets), without allocation, lock or system call.
  lookup_result find(asset_id id, mapped_asset& out) const noexcept {
    if (const auto place = found_.find(id); place != 0 && index_.at(place, id, out))
      return lookup_result::found;
    std::uint64_t place = 0;
    const auto result = index_.find(id, out, &place);
    if (place != 0) found_.put(id, place);
    return result;
  }
  /// Errors: not_found (its place is not known here, or its segment is gone), corrupt, io.
  result<byte_span> bytes(const mapped_part& part) const;
  /// What keeps those bytes mapped beyond this generation. Null where there are none. Errors: the same.
  result<bundle_files::mapping> owner(const mapped_part& part) const;

  /// The same index as a tree, to compare and verify: pages are checked against their digests.
  result<index_tree> tree() const;
  /// What differs from `before`, whose pages and contents are good, is read and checked: pages, and every
  /// part of what was added or changed. The changes. Errors: corrupt, not_found, io.
  result<asset_changes> verify_since(const generation* before) const;

 private:
  class pages;
  generation(head_file head, std::shared_ptr<const bundle_files> files, const hasher& hash)
      : head_(std::move(head)), files_(std::move(files)), hash_(hash) {}
  result<void> map_pages();

  const head_file head_;
  const std::shared_ptr<const bundle_files> files_;
  const hasher& hash_;
  std::shared_ptr<const pages> pages_;
  mapped_index index_;
  lookup_cache found_;
  segment_views segments_;
};

}  // namespace graphite
