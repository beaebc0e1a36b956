#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "actors/bundle_archive.hpp"
#include "core/ports/key_value_store.hpp"
#include "core/ports/log.hpp"
#include "core/units.hpp"
#include "platform/store/segment_store.hpp"

namespace graphite {

struct collector_options {
  /// A round begins at the first rest after so many generations, or once the segments have grown by as much
  /// as the last round found alive, at least by this.
  std::uint64_t generations = 256;
  std::uint64_t grown_bytes_min = 16 * MiB;
  std::uint64_t segment_bytes_min = 8 * MiB;  ///< an open segment of this size is ended, to be looked at
  int passes_max = 4;                         ///< in a round: as many segments are copied out at most
};

/// Frees the segments that no kept generation and no cached result needs, off every path.
///
/// A round begins when the graph is at rest, so that no output waits to be published: what is stored from
/// then on stays by itself. Then the journal is folded, everything that the kept generations and the action
/// cache name is marked, and segments are looked at one at a time. Where index pages that are no longer
/// shown pin dead ones, the pages that are shown are written anew and the others go first. After contents
/// were lost, a rest makes it call repair_losses(). Owns one thread.
/// Space: segments hold at most four times the live bytes after a round, and up to the next one as much more
/// as is alive or grown_bytes_min.
class collector {
 public:
  struct ports {
    segment_store& contents;
    key_value_store& rows;
    std::vector<bundle_archive*> archives;
    std::function<bool()> drain;  ///< folds the journal; false: give this round up
    /// Pages of an archive were written anew: who reads its index takes it from there again.
    std::function<void()> pages_moved;
    log_sink& log;
  };
  collector(ports with, collector_options options);
  ~collector();
  collector(const collector&) = delete;
  collector& operator=(const collector&) = delete;

  /// Ends a round that is under way; none begins afterwards. Waits for the thread.
  void stop();
  /// A generation was published. Any thread.
  void generation() { ++generations_; }
  /// The graph is at rest. Its thread; returns at once.
  void at_rest();
  /// Waits for the end of a round that is under way.
  void wait();

 private:
  struct passed {
    std::uint64_t freed_bytes = 0, live_bytes = 0;
  };
  bool is_due() const;
  bool must_repair() const { return with_.contents.losses() != repaired_; }
  void repair();
  void run_round();
  void work();
  /// What was freed, and what the first look found alive.
  result<passed> collect();
  result<passed> pass();
  bool stopping() const;
  result<void> mark_generations();
  result<void> mark_generations_of(bundle_archive& archive);
  result<void> mark_cached();
  result<void> forget_generations();
  result<bool> rewrite_pages();
  bool pinned(segment_id segment) const;
  void set_next(std::uint64_t live_bytes);

  ports with_;
  collector_options options_;
  std::atomic<std::uint64_t> generations_ = 0;
  std::atomic<std::uint64_t> due_bytes_ = 0;  ///< in segments when the next round is to begin
  std::atomic<std::uint64_t> repaired_ = 0;   ///< losses that were looked after
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false, repair_wanted_ = false, stopping_ = false;
  int tries_ = 0;  ///< of the collector's thread: at repairing
  std::thread thread_;
};

}  // namespace graphite
