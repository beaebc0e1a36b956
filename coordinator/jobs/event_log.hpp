#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <unordered_map>
#include <vector>

#include "core/messages/jobs.hpp"

namespace graphite {

struct event_log_options {
  std::size_t of_job_max = 1'024;              ///< items
  std::uint64_t bytes_of_job_max = 256 * KiB;  ///< the newest item is kept whatever its size
  std::uint64_t bytes_max = 128 * MiB;         ///< of all jobs together: the oldest go first
};

/// The newest items of each job, for any number of readers that come when they can: a reader that is late
/// finds a gap and is told how many it missed. Nothing here knows who reads.
///
/// Pure; one thread. Each operation is O(1), reading O(items read). Item has `number`, which the log gives,
/// ascending within a job from `first` + 1 on.
template <class Item>
class event_log {
 public:
  event_log(const event_log_options& options, std::uint64_t first) : options_(options), first_(first) {}

  void append(job_id job, Item item, std::uint64_t bytes) {
    auto& of = jobs_.try_emplace(job, ring{first_, first_, 0, {}}).first->second;
    item.number = ++of.last;
    bytes += overhead_bytes;
    all_.push_back({job, bytes, std::move(item)});
    of.items.push_back(std::prev(all_.end()));
    of.bytes += bytes;
    bytes_ += bytes;
    while (of.items.size() > 1 &&
           (of.items.size() > options_.of_job_max || of.bytes > options_.bytes_of_job_max))
      drop_oldest_of(of);
    while (bytes_ > options_.bytes_max && all_.size() > 1) drop_oldest_of(jobs_.at(all_.front().job));
  }

  /// Items with numbers over `after`, the oldest first, at most `most` and of about `bytes_max`. `over` and
  /// `summary` are the caller's to fill in.
  job_batch<Item> read(job_id job, std::uint64_t after, std::size_t most, std::uint64_t bytes_max) const {
    job_batch<Item> out;
    out.last = after;
    const auto found = jobs_.find(job);
    if (found == jobs_.end()) return out;
    const auto& of = found->second;
    const auto begin = std::max(after, first_);
    out.left_out = begin < of.dropped ? of.dropped - begin : 0;
    out.last = std::max(after, of.dropped);
    auto at = begin < of.dropped ? 0 : begin - of.dropped;
    for (std::uint64_t bytes = 0; at < of.items.size() && out.items.size() < most; ++at) {
      const auto& one = *of.items[at];
      bytes += one.bytes;
      if (!out.items.empty() && bytes > bytes_max) break;
      out.items.push_back(one.item);
      out.last = one.item.number;
    }
    return out;
  }
  /// Whether read() would find something.
  bool has_more(job_id job, std::uint64_t after) const {
    const auto found = jobs_.find(job);
    return found != jobs_.end() && found->second.last > std::max(after, first_);
  }

  void forget(job_id job) {
    const auto found = jobs_.find(job);
    if (found == jobs_.end()) return;
    bytes_ -= found->second.bytes;
    for (const auto& one : found->second.items) all_.erase(one);
    jobs_.erase(found);
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  static constexpr std::uint64_t overhead_bytes = 128;
  struct kept {
    job_id job;
    std::uint64_t bytes = 0;
    Item item;
  };
  using place = typename std::list<kept>::iterator;
  struct ring {
    std::uint64_t last = 0, dropped = 0;  ///< numbers: the newest one, the newest that is kept no more
    std::uint64_t bytes = 0;
    std::deque<place> items;  ///< numbers without a gap
  };

  void drop_oldest_of(ring& of) {
    const auto oldest = of.items.front();
    of.dropped = oldest->item.number;
    of.bytes -= oldest->bytes;
    bytes_ -= oldest->bytes;
    of.items.pop_front();
    all_.erase(oldest);
  }

  event_log_options options_;
  std::uint64_t first_;
  std::list<kept> all_;  ///< the oldest first
  std::unordered_map<job_id, ring> jobs_;
  std::uint64_t bytes_ = 0;
};

}  // namespace graphite
