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

/// Where assets were found, shared by generations that follow one another.
///
/// A place that one of them found is right for another unless the asset changed in between: such assets are
/// remembered by each generation by themselves, until they are too many to share the rest.
class lookup_memory {
 public:
  static constexpr std::size_t apart_max = 1 << 15;

  lookup_memory() = default;
  lookup_memory(const bundle_files& files, std::uint64_t assets);
  /// What `before` remembers but for `changed` (ids, ascending), which differ. Nothing, as if new, where
  /// too many have changed since the table was begun.
  static std::optional<lookup_memory> after(const lookup_memory& before, std::vector<asset_id> changed,
                                            const bundle_files& files);

  std::uint64_t find(asset_id id) const noexcept { return table(id).find(id); }
  void put(asset_id id, std::uint64_t place) const noexcept { table(id).put(id, place); }
  std::size_t apart() const { return apart_ids_.size(); }

 private:
  static constexpr std::size_t filter_bits = 1 << 12;
  /// Ids are hashes: so one bit an id rules nearly all others out while few have changed.
  static std::size_t filter_bit(asset_id id) noexcept { return id.value >> 20 & (filter_bits - 1); }
  const lookup_cache& table(asset_id id) const noexcept {
    const auto bit = filter_bit(id);
    if ((filter_[bit / 64] >> (bit % 64) & 1) == 0) [[likely]]
      return shared_;
    return std::binary_search(apart_ids_.begin(), apart_ids_.end(), id) ? apart_ : shared_;
  }

  lookup_cache shared_, apart_;
  std::vector<asset_id> apart_ids_;  ///< ascending
  std::array<std::uint64_t, filter_bits / 64> filter_{};
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
  /// Remembers what `before` does of where assets are, but for `changed` (ids, ascending), which are all in
  /// which the two differ. Before it is shared. Does nothing where their files are not the same.
  void remember(const generation& before, std::vector<asset_id> changed);

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
  /// On demand: asks for the asset's bytes. False where nobody will bring them.
  bool want(asset_id id) const { return files_->want(id); }
  /// The same with what keeps them mapped beyond this generation; null where there are none. Errors: the
  /// same.
  struct held_bytes {
    bundle_files::mapping owner;
    byte_span bytes;
  };
  result<held_bytes> hold(const mapped_part& part) const;

  /// The same index as a tree, to compare and verify: pages are checked against their digests.
  result<index_tree> tree() const;
  /// What differs from `before`, whose pages and contents are good, is read and checked: pages, and every
  /// part of what was added or changed. The changes. `staging`: contents are copied there to be checked, by
  /// plain reads (larger ones into memory of their own); empty: they are checked where they are mapped.
  /// Errors: corrupt, not_found, io.
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
