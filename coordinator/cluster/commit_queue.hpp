#pragma once

#include <deque>
#include <map>

#include "coordinator/cluster/dispatch_types.hpp"

namespace graphite {

struct commit_queue_options {
  std::size_t results_max = 4'096;  ///< of one batch
  std::size_t batches_max = 4;      ///< that wait for the disk at once
  duration again = milliseconds(100), again_max = seconds(10);
};

/// What waits to be made durable, in batches. One that fails is said again after a while, before all others;
/// until it succeeds no new one is said.
///
/// Pure: time is an argument. Bound: the caller's; size() and bytes() say what it holds.
class commit_queue {
 public:
  explicit commit_queue(const commit_queue_options& options) : options_(options) {}

  void add(commit_batch::entry what, std::size_t bytes);
  /// Batches to be said now, in order.
  std::vector<std::shared_ptr<const commit_batch>> due(time_point now);
  /// What is durable by this; null where no such batch was said.
  std::shared_ptr<const commit_batch> succeeded(std::uint64_t number);
  void failed(std::uint64_t number, const error& why, time_point now);
  /// When something will be due that is not now. Nothing where only an answer can make it so.
  std::optional<time_point> next() const;

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return bytes_; }
  /// Of the last answer; empty: it was good, or there was none.
  const std::string& trouble() const { return trouble_; }

 private:
  struct said {
    std::shared_ptr<const commit_batch> what;
    std::size_t bytes = 0;
    bool waits = false;  ///< it failed, and has to be said again
  };
  bool make_batch();

  commit_queue_options options_;
  std::deque<std::pair<commit_batch::entry, std::size_t>> fresh_;
  std::map<std::uint64_t, said> said_;
  std::uint64_t last_ = 0;
  std::size_t size_ = 0, bytes_ = 0;
  duration pause_{};  ///< after the last failure; zero: it went well
  time_point again_at_{};
  std::string trouble_;
};

}  // namespace graphite
