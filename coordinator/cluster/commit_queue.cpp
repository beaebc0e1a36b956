#include "coordinator/cluster/commit_queue.hpp"

#include <algorithm>

namespace graphite {

void commit_queue::add(commit_batch::entry what, std::size_t bytes) {
  ++size_;
  bytes_ += bytes;
  fresh_.emplace_back(std::move(what), bytes);
}

bool commit_queue::make_batch() {
  if (fresh_.empty() || said_.size() >= options_.batches_max) return false;
  auto made = std::make_shared<commit_batch>();
  made->number = ++last_;
  said one;
  for (; !fresh_.empty() && made->results.size() < options_.results_max; fresh_.pop_front()) {
    made->results.push_back(std::move(fresh_.front().first));
    one.bytes += fresh_.front().second;
  }
  one.what = std::move(made);
  said_.emplace(last_, std::move(one));
  return true;
}

std::vector<std::shared_ptr<const commit_batch>> commit_queue::due(time_point now) {
  std::vector<std::shared_ptr<const commit_batch>> out;
  if (pause_ != duration{}) {
    // One at a time, until one succeeds.
    const auto busy = std::ranges::any_of(said_, [](const auto& one) { return !one.second.waits; });
    if (busy || now < again_at_) return out;
    said_.begin()->second.waits = false;
    out.push_back(said_.begin()->second.what);
    return out;
  }
  for (auto& [number, one] : said_)
    if (std::exchange(one.waits, false)) out.push_back(one.what);
  while (make_batch()) out.push_back(said_.rbegin()->second.what);
  return out;
}

std::shared_ptr<const commit_batch> commit_queue::succeeded(std::uint64_t number) {
  const auto found = said_.find(number);
  if (found == said_.end() || found->second.waits) return nullptr;
  auto out = std::move(found->second.what);
  size_ -= out->results.size();
  bytes_ -= found->second.bytes;
  said_.erase(found);
  pause_ = {};
  trouble_.clear();
  return out;
}

void commit_queue::failed(std::uint64_t number, const error& why, time_point now) {
  const auto found = said_.find(number);
  if (found == said_.end() || std::exchange(found->second.waits, true)) return;
  trouble_ = why.context;
  if (pause_ != duration{} && now < again_at_) return;  // one of those that were on their way
  pause_ = pause_ == duration{} ? options_.again : std::min(pause_ * 2, options_.again_max);
  again_at_ = now + pause_;
}

std::optional<time_point> commit_queue::next() const {
  const auto busy = std::ranges::any_of(said_, [](const auto& one) { return !one.second.waits; });
  return pause_ == duration{} || busy ? std::nullopt : std::optional(again_at_);
}

}  // namespace graphite
