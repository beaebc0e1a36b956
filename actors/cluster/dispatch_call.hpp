#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "actors/cluster/control_frames.hpp"
#include "coordinator/cluster/dispatcher.hpp"

namespace graphite {

/// Who hears how a wish ended, by the dispatch actor's thread. Must not block.
using dispatch_listener = std::function<void(const dispatch_commands::done&)>;

/// The dispatcher, and who waits for what. One thread: the dispatch actor's.
class dispatch_desk {
 public:
  explicit dispatch_desk(dispatcher core) : core(std::move(core)) {}

  /// As dispatcher::submit; `done` is called once, unless it is cancelled. The task's cookie is not looked
  /// at.
  result<waiter_id> submit(dispatch_task what, dispatch_listener done, time_point now) {
    what.cookie = ++last_;
    GRAPHITE_TRY(const auto waiter, core.submit(std::move(what), now));
    waiting_.emplace(last_, std::move(done));
    cookies_.emplace(waiter.value, last_);
    return waiter;
  }
  /// False: it has been told, or never will.
  bool cancel(waiter_id waiter) {
    const auto found = cookies_.find(waiter.value);
    if (found == cookies_.end()) return false;
    waiting_.erase(found->second);
    cookies_.erase(found);
    return core.cancel(waiter);
  }
  void tell(const dispatch_commands::done& what) {
    cookies_.erase(what.waiter.value);
    const auto found = waiting_.find(what.cookie);
    if (found == waiting_.end()) return;
    const auto listener = std::move(found->second);
    waiting_.erase(found);
    listener(what);
  }
  std::size_t waiting() const { return waiting_.size(); }

  dispatcher core;

 private:
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, dispatch_listener> waiting_;  ///< by cookie
  std::unordered_map<std::uint64_t, std::uint64_t> cookies_;      ///< by waiter
};

/// Something to be done at the desk: how views, jobs and queries reach it. Must not block.
struct dispatch_call {
  std::function<void(dispatch_desk&, time_point now)> what;
};
}  // namespace graphite
