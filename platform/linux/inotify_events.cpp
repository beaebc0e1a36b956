#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "platform/linux/inotify_watcher_impl.hpp"

// What is read from inotify becomes events of the port; what is lost or gone is looked for.

namespace graphite {

namespace {

constexpr int pair_wait_ms = 2;        // for the second half of a rename
constexpr milliseconds lost_poll{20};  // how often a lost root is looked for

/// Appends what can be read now; false where there was nothing.
bool read_events(int inotify, std::vector<char>& buffer, std::vector<raw_event>& out) {
  const auto got = ::read(inotify, buffer.data(), buffer.size());
  if (got <= 0) return false;
  for (ssize_t at = 0; at < got;) {
    struct ::inotify_event header {};
    std::memcpy(&header, buffer.data() + at, sizeof header);
    const char* name = buffer.data() + at + sizeof header;
    out.push_back({header.wd, header.mask, header.cookie,
                   header.len == 0 ? std::string{} : std::string(name, ::strnlen(name, header.len))});
    at += static_cast<ssize_t>(sizeof header + header.len);
  }
  return true;
}

}  // namespace

void inotify_watcher::impl::run_events() {
  std::vector<raw_event> batch;
  time_point next_look{};
  bool readable = false, paused = false;
  const auto idle_ms = [&] { return static_cast<int>((root_lost_ ? lost_poll : options_.poll).count()); };
  while (wait(paused ? -1 : idle_ms(), readable)) {
    {
      const std::lock_guard lock(mutex_);
      if (paused != paused_) {
        paused = paused_;
        struct ::epoll_event interest {};
        interest.events = paused ? 0u : static_cast<std::uint32_t>(EPOLLIN);
        interest.data.fd = inotify_.get();
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, inotify_.get(), &interest);
      }
    }
    if (paused) continue;
    events out;
    batch.clear();
    if (readable) read_batch(batch);
    if (!batch.empty()) handle(batch, out);
    if (int waiting = 0; ::ioctl(inotify_.get(), FIONREAD, &waiting) == 0 && waiting == 0)
      tree_->note_drained();
    if (const time_point now = std::chrono::steady_clock::now(); root_lost_ || now >= next_look) {
      look_for_root(out);
      next_look = now + options_.poll;
    }
    refresh_folders(out);
    if (tree_->exhausted()) return put_back_cookies(out);
    deliver_past_mounts(out);
  }
}

void inotify_watcher::impl::read_batch(std::vector<raw_event>& batch) {
  if (!read_events(inotify_.get(), buffer_, batch)) return;
  if ((batch.back().mask & IN_MOVED_FROM) == 0) return;
  struct ::pollfd more {
    inotify_.get(), POLLIN, 0
  };
  if (::poll(&more, 1, pair_wait_ms) > 0) read_events(inotify_.get(), buffer_, batch);
}

void inotify_watcher::impl::handle(const std::vector<raw_event>& batch, events& out) {
  const auto overflowed = [](const raw_event& raw) { return (raw.mask & IN_Q_OVERFLOW) != 0; };
  const bool lost = std::any_of(batch.begin(), batch.end(), overflowed);
  const int cookie_wd = cookie_descriptor();
  // A cookie comes after the translation of what was read before it.
  std::vector<raw_event> run;
  for (const auto& raw : batch) {
    if (raw.wd != cookie_wd) {
      run.push_back(raw);
    } else if (!lost) {
      tree_->translate(std::exchange(run, {}), out);
      take_cookie(raw, out);
    }
  }
  tree_->translate(run, out);
  // A removed root says IN_ATTRIB only, for as long as we have it open.
  const auto of_root = [](const raw_event& raw) {
    return (raw.mask & (IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT)) != 0 ||
           ((raw.mask & IN_ATTRIB) != 0 && raw.name.empty());
  };
  if (std::any_of(batch.begin(), batch.end(), of_root)) look_for_root(out);
  if (lost || tree_->take_confused()) lost_events(out);
}

/// Nothing that was read is worth more than a rescan now; cookies that are outstanding may be lost, too.
void inotify_watcher::impl::lost_events(events& out) {
  std::set<std::string> cookies;
  {
    const std::lock_guard lock(mutex_);
    cookies.swap(cookies_);
  }
  if (tree_ && !root_lost_) tree_->verify({}, out);
  const time_point now = std::chrono::steady_clock::now();
  out.push_back({fs_event_kind::overflow, {}, {}, now});
  for (const auto& name : cookies) out.push_back({fs_event_kind::cookie, name, {}, now});
}

void inotify_watcher::impl::look_for_root(events& out) {
  if (!root_lost_ && tree_->root_is_there()) return note_status({});
  tree_->close();
  if (tree_->open(out)) {
    root_lost_ = false;
    note_status({});
    return lost_events(out);
  }
  root_lost_ = true;
  tree_->close();
  note_status("'" + options_.root + "' is gone; waiting for it to come back");
}

void inotify_watcher::impl::refresh_folders(events& out) {
  std::vector<std::string> folders;
  {
    const std::lock_guard lock(mutex_);
    folders.swap(refresh_);
  }
  for (auto& folder : folders) {
    if (tree_ && !root_lost_) tree_->verify(folder, out);
    out.push_back({fs_event_kind::folder, std::move(folder), {}, std::chrono::steady_clock::now()});
  }
}

}  // namespace graphite
