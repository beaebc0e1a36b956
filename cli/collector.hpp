#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "actors/facade.hpp"
#include "actors/rest_listener.hpp"
#include "cli/kept_archive.hpp"
#include "coordinator/cache_eviction.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/key_value_store.hpp"
#include "core/ports/log.hpp"
#include "core/units.hpp"
#include "platform/store/live_set.hpp"
#include "platform/store/segment_store.hpp"

namespace graphite {

struct collector_options {
  /// A round begins at the first rest after so many generations, one more for each `assets_a_generation` of
  /// the newest (a round looks at all of them, so that the cost of one for each generation does not grow), or
  /// once the segments have grown by as much as the last round found alive, at least by `grown_bytes_min`.
  std::uint64_t generations = 256;
  std::uint64_t assets_a_generation = 256;
  std::uint64_t grown_bytes_min = 16 * MiB;
  std::uint64_t segment_bytes_min = 8 * MiB;  ///< an open segment of this size is ended, to be looked at
  int passes_max = 4;                         ///< in a round: as many segments are copied out at most
  cache_bounds cache;                         ///< what the action cache may keep
  /// Of rounds that somebody asked for: no segment is too small, of none may more than half be dead.
  int asked_passes_max = 4096;
  unsigned asked_copy_below_percent = 50;
};

/// Keeps the action cache within its bounds and frees the segments that nothing needs, off every path.
///
/// A round begins when the graph is at rest: what is stored or found from then on stays by itself. Then the
/// journal is folded, and everything is marked that the kept generations show, that the view's results name
/// (actions read outputs that no channel shows) or that waits to be shown. Of the rest of what the action
/// cache names the least recently used goes (coordinator/cache_eviction), rows first; then segments are
/// looked at one at a time. Where index pages that are no longer shown pin dead ones, the pages that are
/// shown are written anew and the others go first. After contents were lost, a rest makes it call
/// repair_losses(). Owns one thread. Space: segments hold at most four times the live bytes after a round,
/// and up to the next one as much more as is alive or grown_bytes_min.
class collector {
 public:
  struct ports {
    segment_store& contents;
    key_value_store& rows;
    std::vector<kept_archive*> archives;
    std::function<bool()> drain;  ///< folds the journal; false: give this round up
    /// Pages of an archive were written anew: who reads its index takes it from there again.
    std::function<void()> pages_moved;
    /// Calls at_rest() if the graph is at rest now; a later rest calls it anyway.
    std::function<void()> look_for_rest;
    clock_source& clock;
    log_sink& log;
    /// Of a round that was asked for: steps done, steps there are, what is looked at.
    std::function<void(std::uint64_t done, std::uint64_t all, const std::string& what)> progress =
        [](auto, auto, const auto&) {};
  };
  collector(ports with, collector_options options);
  ~collector();
  collector(const collector&) = delete;
  collector& operator=(const collector&) = delete;

  /// Ends a round that is under way; none begins afterwards. Waits for the thread. Who asked is told.
  void stop();
  /// The next rest begins a round, due or not. `done` is called once, by any thread. Errors: busy (one was
  /// asked for already), unavailable (stopped), those of a round. Any thread.
  void ask(gc_request request, reply<gc_report> done);
  /// A generation of so many assets was published. Any thread.
  void generation(std::uint64_t assets) {
    ++generations_;
    assets_ = assets;
  }
  /// The graph is at rest. Its thread; returns at once, but for `held` where a round begins.
  void at_rest(const std::function<std::vector<digest>()>& held);
  /// Waits for the end of a round that is under way.
  void wait();

 private:
  struct passed {
    std::uint64_t freed_bytes = 0, live_bytes = 0, segments = 0;
  };
  struct asked {
    gc_request request;
    reply<gc_report> done;
  };
  bool is_due() const;
  bool must_repair() const { return with_.contents.losses() != repaired_; }
  void repair();
  void run_round();
  void work();
  struct round {
    gc_report report;
    std::uint64_t live_bytes = 0;  ///< in segments, as the first look found
  };
  result<round> collect(const std::optional<gc_request>& asked);
  result<void> sweep_cache(const std::optional<gc_request>& asked, gc_report& report);
  result<void> free_segments(bool asked, round& out);
  result<passed> pass(bool asked);
  bool stopping() const;
  void mark(std::span<const digest> live);
  result<void> forget_generations();
  result<bool> rewrite_pages();
  bool pinned(segment_id segment) const;
  void set_next(std::uint64_t live_bytes);

  ports with_;
  collector_options options_;
  std::atomic<std::uint64_t> generations_ = 0, assets_ = 0;
  std::atomic<std::uint64_t> due_bytes_ = 0;  ///< in segments when the next round is to begin
  std::atomic<std::uint64_t> repaired_ = 0;   ///< losses that were looked after
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false, repair_wanted_ = false, stopping_ = false;
  std::optional<asked> asked_;  ///< for the next round
  bool asked_runs_ = false;     ///< the round is the one that was asked for
  std::vector<digest> held_;    ///< when the round began
  // Of the collector's thread.
  int tries_ = 0;   ///< at repairing
  live_set shown_;  ///< in this round: what is kept without the action cache
  std::thread thread_;
};

}  // namespace graphite
