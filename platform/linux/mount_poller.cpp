#include "platform/linux/mount_poller.hpp"

#include "platform/linux/thread_name.hpp"

#include <iterator>

namespace graphite {

void mount_poller::set(const std::set<std::string>& folders) {
  {
    const std::lock_guard lock(mutex_);
    if (wanted_ == folders && thread_.joinable()) return;
    wanted_ = folders;
    news_ = true;
    stopping_ = false;
  }
  changed_.notify_all();
  if (thread_.joinable()) return;
  thread_ = std::thread([this] {
    name_thread("mount-poller");
    run();
  });
}

void mount_poller::answer(std::vector<fs_event> cookies) {
  {
    const std::lock_guard lock(mutex_);
    cookies_.insert(cookies_.end(), std::make_move_iterator(cookies.begin()),
                    std::make_move_iterator(cookies.end()));
    news_ = true;
  }
  changed_.notify_all();
}

void mount_poller::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  pollers_.clear();
}

void mount_poller::run() {
  events cookies;
  while (true) {
    std::set<std::string> wanted;
    cookies.clear();
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, options_.poll, [this] { return news_ || stopping_; });
      news_ = false;
      wanted = wanted_;
      cookies.swap(cookies_);
      if (stopping_) break;
    }
    events out;
    look(out);
    follow(wanted, out);
    out.insert(out.end(), cookies.begin(), cookies.end());
    if (!out.empty()) on_events_(std::move(out));
  }
  // Whoever stops it looks at everything himself.
  if (!cookies.empty()) on_events_(std::move(cookies));
}

/// What cannot be looked at now is looked at the next time.
void mount_poller::look(events& out) {
  for (const auto& [folder, poller] : pollers_) [[maybe_unused]] const auto polled = poller->poll(out);
}

void mount_poller::follow(const std::set<std::string>& wanted, events& out) {
  std::erase_if(pollers_, [&](const auto& one) { return !wanted.contains(one.first); });
  for (const auto& folder : wanted) {
    if (pollers_.contains(folder)) continue;
    auto poller = std::make_unique<tree_poller>(options_, folder);
    if (!poller->remember()) continue;
    pollers_.emplace(folder, std::move(poller));
    out.push_back({fs_event_kind::folder, folder, {}, std::chrono::steady_clock::now()});
  }
}

}  // namespace graphite
