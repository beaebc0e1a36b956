#include <unistd.h>

#include <chrono>

#include "bindings/c/live_context.hpp"

// The program's side of following: callbacks, and waiting for something new.

namespace graphite::c_api {

static time_point poll_now() { return std::chrono::steady_clock::now(); }

void live_context::tell(const live_event& event) {
  const auto& raw = config_.raw;
  if (event.what == live_event::kind::generation) {
    if (raw.callback != nullptr) raw.callback(to_c(event.old), to_c(event.now), raw.user_data);
    if (raw.changes_callback == nullptr) return;
    const auto& [added, changed, removed] =
        std::tie(event.changes->added, event.changes->changed, event.changes->removed);
    const graphite_changes changes{to_c(event.old), to_c(event.now), event.old_version, event.new_version,
                                   added.data(),    changed.data(),  removed.data(),    added.size(),
                                   changed.size(),  removed.size()};
    return raw.changes_callback(&changes, raw.user_data);
  }
  if (raw.asset_callback == nullptr) return;
  const auto kind = event.what == live_event::kind::added     ? GRAPHITE_ASSET_ADDED
                    : event.what == live_event::kind::changed ? GRAPHITE_ASSET_CHANGED
                                                              : GRAPHITE_ASSET_REMOVED;
  const graphite_asset_event told{kind, event.id, kind == GRAPHITE_ASSET_ADDED ? nullptr : to_c(event.old),
                                  to_c(event.now)};
  raw.asset_callback(&told, raw.user_data);
}

graphite_result live_context::poll(std::uint64_t budget_ns, std::size_t* left, bool& shut_down) {
  if (polling_.exchange(true, std::memory_order_acquire))
    return failed(GRAPHITE_ERROR_BUSY,
                  "graphite_poll runs already, in another thread or around this callback");
  if (left != nullptr) *left = 0;
  if (!has_news_.exchange(false, std::memory_order_acquire)) {
    polling_.store(false, std::memory_order_release);
    return GRAPHITE_SUCCESS;
  }
  const auto until =
      poll_now() + duration(static_cast<duration::rep>(std::min<std::uint64_t>(budget_ns, INT64_MAX / 4)));
  bool more = true;
  do {
    std::unique_lock lock(state_);
    const bool staged = live_->staged();
    const auto event = live_->next(poll_now());
    if (staged && !live_->staged())
      counts_.swap_ns = static_cast<std::uint64_t>((poll_now() - staged_at_).count());
    std::optional<std::uint64_t> here;
    shown_ref current;
    if (!event && !arrived_.empty()) {
      here = arrived_.front();
      arrived_.pop_front();
      current = live_->current();
    }
    lock.unlock();
    if (event) {
      tell(*event);
    } else if (here && config_.raw.asset_callback != nullptr) {
      const graphite_asset_event told{GRAPHITE_ASSET_ARRIVED, *here, to_c(current.get()),
                                      to_c(current.get())};
      config_.raw.asset_callback(&told, config_.raw.user_data);
    }
    more = event || here;
  } while (more && !shutdown_asked_.load(std::memory_order_relaxed) && poll_now() < until);
  const std::lock_guard lock(state_);
  more = live_->has_news() || !arrived_.empty();
  if (left != nullptr) *left = live_->events_left() + arrived_.size();
  if (more) {
    has_news_.store(true, std::memory_order_release);
  } else {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(news_fd_.get(), &count, sizeof count);
    if (ended_) has_news_.store(true, std::memory_order_release);
  }
  shut_down = shutdown_asked_.load(std::memory_order_acquire);
  const auto outcome = ended_ && !more ? failed(*ended_) : GRAPHITE_SUCCESS;
  polling_.store(false, std::memory_order_release);
  return outcome;
}

graphite_result live_context::wait(std::uint64_t version, duration timeout) {
  std::unique_lock lock(state_);
  const auto ready = [&] { return stopping_ || ended_ || live_->version() > version || live_->staged(); };
  if (!changed_.wait_until(lock, poll_now() + timeout, ready))
    return failed(GRAPHITE_ERROR_TIMED_OUT, "no newer generation came in time");
  if (live_->version() > version || live_->staged()) return GRAPHITE_SUCCESS;
  return stopping_ ? failed(GRAPHITE_ERROR_CANCELLED, "the context is being shut down") : failed(*ended_);
}

}  // namespace graphite::c_api
