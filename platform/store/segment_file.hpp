#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "bundle/segment_format.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// A segment that is appended to. Thread-safe: places are handed out one after another, each with its header
/// already in the file, and filled side by side.
///
/// Invariant: every record below tail() has a header, so a scan after a crash never stops at a place that
/// a writer had taken and not filled.
class segment_file {
 public:
  /// Space is reserved on disk ahead of the tail: as much again as is there, within these bounds.
  static constexpr std::uint64_t preallocation_bytes_min = 1 * MiB, preallocation_bytes_max = 32 * MiB;
  /// After each so many bytes the kernel is told to begin writing, so that sync() finds little left to do.
  static constexpr std::uint64_t write_back_bytes = 8 * MiB;

  /// Makes the file with its header, and its name durable. `capacity` bounds the tail.
  /// Errors: out_of_space, already_exists, io; then there is no file.
  static result<std::shared_ptr<segment_file>> create(const std::string& path, const segment_header& header,
                                                      std::uint64_t capacity);
  /// Goes on behind `tail`; bytes behind it are cut off. `durable`: what is there is known to be synced.
  static result<std::shared_ptr<segment_file>> reopen(const std::string& path, segment_id id,
                                                      std::uint64_t tail, std::uint64_t capacity,
                                                      bool durable);

  /// Takes the next place and writes the header there, and `data` too where it is smaller than
  /// extent_alignment. Nothing where the segment is full. Errors: out_of_space, io; then nothing was taken.
  result<std::optional<segment_place>> reserve(const segment_record& record, byte_span data);
  /// Fills a part of a taken place, which nobody else writes to. Errors: out_of_space, io.
  result<void> write(byte_span bytes, std::uint64_t offset);
  /// What write() put there. Errors: io.
  result<void> read(std::span<std::byte> out, std::uint64_t offset) const;
  /// Replaces a taken place's header.
  result<void> write_header(const segment_place& place, const segment_record& record);
  /// The place is filled and known to the index: it no longer holds back mark().
  void finish(const segment_place& place);
  /// The file reaches as far as the place, filled or not: so that the place is skipped after a crash, and not
  /// used again. Errors: io.
  result<void> reach(const segment_place& place);
  /// The place is not used: taken back where it is the last one, dead otherwise.
  void give_up(const segment_place& place, std::uint64_t size);

  /// All records that begin below are finished.
  std::uint64_t mark() const;
  std::uint64_t tail() const;
  bool busy() const;                              ///< some place is being filled
  bool fills(std::uint64_t header_offset) const;  ///< that one is
  /// fdatasync, if anything was written since. Errors: out_of_space, io.
  result<void> sync();
  /// Gives back the space behind the tail and makes the file read-only. Nothing is written afterwards.
  result<void> seal();

  /// Gives back the space behind the tail.
  void trim();

  /// The file still has a name: nobody removed it.
  bool is_linked() const;
  segment_id id() const { return id_; }
  std::uint64_t capacity() const { return capacity_; }
  /// Before anything is placed in it.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  /// Before anything is placed in it: no more than so much is reserved; 0: nothing.
  void reserve_at_most(std::uint64_t bytes) { reserve_bytes_max_ = bytes; }
  const std::string& path() const { return path_; }

 private:
  segment_file(std::string path, segment_id id, owned_fd fd, std::uint64_t tail, std::uint64_t capacity,
               bool dirty)
      : path_(std::move(path)),
        id_(id),
        capacity_(capacity),
        fd_(std::move(fd)),
        tail_(tail),
        allocated_(tail),
        dirty_(dirty) {}
  void preallocate(std::uint64_t end);
  result<void> take(const segment_place& place, const segment_record& record, byte_span data);

  const std::string path_;
  const segment_id id_;
  std::uint64_t capacity_;
  std::uint64_t reserve_bytes_max_ = preallocation_bytes_max;
  owned_fd fd_;
  mutable std::mutex mutex_;
  std::uint64_t tail_;                  ///< guarded by mutex_
  std::uint64_t allocated_;             ///< guarded by mutex_; reserved on disk up to here
  std::set<std::uint64_t> unfinished_;  ///< guarded by mutex_; header offsets
  std::atomic<bool> dirty_;
  std::atomic<std::uint64_t> written_bytes_{0};
};

}  // namespace graphite
