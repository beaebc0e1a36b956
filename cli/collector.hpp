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
#include "platform/store/segment_store.hpp"

namespace graphite {

struct collector_options {
  std::uint64_t generations = 256;  ///< a round begins at the first rest after so many generations
};

/// Frees the segments that no kept generation and no cached result needs, off every path.
///
/// A round begins when the graph is at rest, so that no output waits to be published: what is stored from
/// then on stays by itself. Then the journal is folded, everything that the kept generations and the action
/// cache name is marked, and segments are looked at one at a time. Owns one thread.
class collector {
 public:
  struct ports {
    segment_store& contents;
    const key_value_store& rows;
    std::vector<bundle_archive*> archives;
    std::function<bool()> drain;  ///< folds the journal; false: give this round up
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

 private:
  void work();
  result<std::uint64_t> collect();
  result<void> mark_generations();
  result<void> mark_cached();

  ports with_;
  collector_options options_;
  std::atomic<std::uint64_t> generations_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace graphite
