#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/ports/chunk_store.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/key_value_store.hpp"
#include "core/ports/log.hpp"
#include "platform/store/mapped_segment.hpp"

namespace graphite {

struct segment_store_options {
  std::string folder;                          ///< holds `segment-XXXXXXXX`; made where it is missing
  std::uint64_t segment_bytes = 256 << 20;     ///< a segment is sealed when it would grow past this
  std::size_t cached_rows_max = 1 << 16;       ///< rows of the index kept in memory
  std::uint64_t held_bytes_max = 64 << 20;     ///< hold() says `busy` beyond: fold() first
  std::uint64_t reserve_bytes_max = 32 << 20;  ///< of disk ahead of what is written; 0: none
  bool read_only = false;                      ///< writes nothing, recovers nothing
  std::vector<std::string> spare_folders =
      {};  ///< have links to segments (bundles): one that is gone is linked back
  /// As in rocks_options: a data sync failed for another reason than space.
  std::function<void(const error&)> on_failed_sync = {};
};

/// A segment that is not as the index says: missing, too short, not readable. What lies in it is lost and
/// find() does not know it any more, so that it is built or fetched again.
struct lost_segment {
  segment_id id;
  error why;
};

struct store_usage {
  std::uint64_t segments = 0;    ///< files
  std::uint64_t file_bytes = 0;  ///< in them, dead ones included
  std::uint64_t held_bytes = 0;  ///< not yet in a segment
};

/// What a collection step did.
struct gc_step {
  bool more = false;  ///< call again
  std::vector<segment_id> unlinked;
  std::vector<stored_content> moved;  ///< copied out: with their new extents
  std::uint64_t freed_bytes = 0;
  std::uint64_t live_bytes = 0;  ///< of the segment that was looked at
};

/// chunk_store in append-only segment files, with its index in table::chunk_index. Thread-safe.
///
/// A published range never changes; fold() seals full segments (mode 0444) and makes the next one ahead.
/// Contents larger than a segment have a file of their own. sync() makes the data durable with one shared
/// fdatasync a file that was written to, and then writes the index rows lazily: after a power cut the tails
/// are scanned and complete records are indexed again, so what sync() promised holds without a second sync. A
/// writer that dies leaves dead bytes, never a torn content. Opening costs O(segments + unsynced tail),
/// whatever the number of contents.
class segment_store final : public chunk_store {
 public:
  /// `rows` and `hash` outlive the store. One store a folder. A segment that is missing or too short is
  /// reported by lost(), not an error. Errors: newer_version, permission_denied, out_of_space, io.
  static result<std::unique_ptr<segment_store>> open(segment_store_options options, key_value_store& rows,
                                                     const hasher& hash, log_sink& log);
  ~segment_store() override;

  result<stored_content> put(byte_span bytes, const chunk_list& chunks) override;
  result<std::unique_ptr<content_writer>> begin(std::uint64_t size) override;
  result<std::optional<stored_content>> find(const digest& content) const override;
  result<void> read(const digest& content, std::uint64_t offset, std::span<std::byte> out) const override;
  result<void> sync() override;
  result<stored_content> hold(byte_span bytes, const chunk_list& chunks) override;
  result<void> fold() override;

  /// The content's bytes in place; held ones are copied. Errors: not_found, corrupt (and the segment is
  /// from then on lost), io.
  result<extent_view> map(const digest& content) const;
  /// A range that the caller got from this store or a bundle page over it. Errors: not_found, corrupt.
  result<extent_view> map(const extent& where) const;
  /// Path of a segment's file.
  std::string segment_path(segment_id id) const;

  /// The store does not know the content any more: its bytes were found to be wrong. They become dead.
  /// Errors: out_of_space, io.
  result<void> forget(const digest& content);

  /// Gives back what a dropped writer left at `where` (content_writer::keep_cut_off); nothing happens where
  /// anything else lies there, or somebody is writing. Cost: O(records of that segment). Errors: not_found,
  /// permission_denied (a sealed segment, for others than root), unsupported (the file system), io.
  result<void> discard(const extent& where);

  std::vector<lost_segment> lost() const;
  /// Looks whether a file was removed; one that a spare folder has is linked back, else it is lost: find()
  /// does not know its contents from then on, although what is mapped stays readable. One stat() a segment.
  void look_for_losses();
  /// How often something was lost since the store was opened and before; only grows.
  std::uint64_t losses() const;
  /// What was lost is made again, or not wanted any more: it is told no longer. Errors: out_of_space, io.
  result<void> forget_lost();
  store_usage usage() const;

  /// Keeps `contents` from collection until the returned handle is dropped, whether or not they are marked.
  std::shared_ptr<void> pin(std::vector<digest> contents);

  /// Collection: begin_gc() (which seals full segments: one sync each), then mark() with everything that is
  /// to stay in steps of any size, then gc_step() until `more` is false. Whatever is stored or found
  /// meanwhile stays, too. Starting again forgets an unfinished round. Segments of which less than
  /// `copy_below_percent` lives are copied out.
  void begin_gc(unsigned copy_below_percent = 25);
  void mark(std::span<const digest> live);
  /// Looks at one segment: unlinks it when nothing in it is live, copies its live contents out when they
  /// are below that share. Segments for which `pinned` is true (bundle pages point into them) and the one
  /// being appended to are left alone; a copied-out one goes when it is not pinned any more, and only then is
  /// the next one copied.
  /// Mapped views stay valid. Errors: out_of_space (nothing changed), io.
  result<struct gc_step> gc_step(const std::function<bool(segment_id)>& pinned);
  /// The segment that is appended to is full when it holds `bytes_min`: the round that has begun looks at it,
  /// too. Errors: those of sync().
  result<void> end_segment(std::uint64_t bytes_min);
  /// Segments with nothing live of their own that a page pinned in this round, with their bytes.
  std::vector<std::pair<segment_id, std::uint64_t>> gc_pinned() const;
  /// Looks again at those that were pinned or had to wait; false where there are none. Then gc_step() again.
  bool gc_again();
  /// The round is over: what is stored or found from now on is no longer remembered.
  void end_gc();

  class impl;  ///< INTERNAL

 private:
  explicit segment_store(std::shared_ptr<impl> impl);
  std::shared_ptr<impl> impl_;  ///< shared with writers and pins that outlive the store
};

}  // namespace graphite
