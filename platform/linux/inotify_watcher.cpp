#include "platform/linux/inotify_watcher.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "platform/linux/inotify_watcher_impl.hpp"
#include "platform/linux/network_file_system.hpp"
#include "platform/linux/thread_name.hpp"

// Start and end of a watcher, its thread, and polling where inotify does not serve.

namespace graphite {

namespace {

std::size_t system_watches_max() {
  std::size_t out = 0;
  std::ifstream("/proc/sys/fs/inotify/max_user_watches") >> out;
  return out;
}

constexpr std::string_view instances_exhausted =
    "this user has no inotify instance or this process no descriptor left: raise "
    "fs.inotify.max_user_instances (sysctl) or the limit of open files (ulimit -n), or end programs that "
    "watch files";

}  // namespace

result<void> inotify_watcher::impl::start(callback on_events) {
  if (thread_.joinable())
    return fail(errc::already_exists, "the watcher of '" + options_.root + "' runs already");
  on_events_ = std::move(on_events);
  stopping_ = false;
  wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!wake_ || !epoll_) return fail_errno(errno, "cannot watch '" + options_.root + "'");
  struct ::epoll_event interest {};
  interest.events = EPOLLIN;
  interest.data.fd = wake_.get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &interest);
  events first;
  if (auto reason = polling_reason(); !reason.empty())
    GRAPHITE_CHECK(start_polling(std::move(reason)));
  else
    GRAPHITE_CHECK(start_events(first));
  thread_ = std::thread([this, first = std::move(first)]() mutable {
    name_thread("inotify");
    deliver(first);
    run();
  });
  return {};
}

std::string inotify_watcher::impl::polling_reason() const {
  if (options_.force_polling) return "polling was asked for";
  const owned_fd root(::open(options_.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return {};
  const auto name = network_file_system_of(root.get(), options_.type_of);
  if (name.empty()) return {};
  return fmt::format("'{}' is on {}, which does not report what other machines change", options_.root, name);
}

std::string inotify_watcher::impl::exhausted_reason() const {
  return fmt::format(
      "'{}' has more folders than there are inotify watches left (fs.inotify.max_user_watches is {}): raise "
      "it "
      "with sysctl, or ignore folders that hold no sources",
      options_.root, options_.watches_max != 0 ? options_.watches_max : system_watches_max());
}

result<void> inotify_watcher::impl::start_events(events& first) {
  inotify_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_ && (errno == EMFILE || errno == ENFILE || errno == ENOSPC))
    return start_polling(std::string(instances_exhausted));
  if (!inotify_) return fail_errno(errno, "inotify");
  struct ::epoll_event interest {};
  interest.events = EPOLLIN;
  interest.data.fd = inotify_.get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, inotify_.get(), &interest);
  GRAPHITE_CHECK(watch_cookies());
  tree_ = std::make_unique<watched_tree>(inotify_.get(), options_);
  GRAPHITE_CHECK(tree_->open(first));
  if (tree_->exhausted()) return start_polling(exhausted_reason());
  note_status({});
  return {};
}

/// Gives the watches back and remembers the tree.
result<void> inotify_watcher::impl::start_polling(std::string reason) {
  tree_.reset();
  {
    const std::lock_guard lock(mutex_);
    inotify_.reset();
    cookie_wd_ = -1;
    status_.mode = watch_mode::polling;
  }
  auto remembered = poller_.remember();
  note_status(std::move(reason));
  return remembered;
}

void inotify_watcher::impl::note_status(std::string reason) {
  if (tree_ && reason.empty()) reason = mounts_reason();
  const std::lock_guard lock(mutex_);
  status_ = {tree_ ? watch_mode::events : watch_mode::polling, std::move(reason),
             tree_ ? tree_->folders() : poller_.folders()};
}

void inotify_watcher::impl::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
  mounts_.stop();
  tree_.reset();
  inotify_.reset();
}

void inotify_watcher::impl::run() {
  if (tree_) run_events();
  if (!stopping()) run_polling();
}

/// False where it is time to end.
bool inotify_watcher::impl::wait(int timeout_ms, bool& readable) {
  struct ::epoll_event ready[2];
  const int count = ::epoll_wait(epoll_.get(), ready, 2, timeout_ms);
  readable = false;
  for (int i = 0; i < count; ++i) {
    if (ready[i].data.fd != wake_.get()) {
      readable = true;
      continue;
    }
    std::uint64_t drained = 0;
    [[maybe_unused]] const auto got = ::read(wake_.get(), &drained, sizeof drained);
  }
  return !stopping();
}

void inotify_watcher::impl::run_polling() {
  mounts_.stop();
  if (tree_) {
    // Watches ran out just now. The tree is remembered before the rescan that `overflow` asks for.
    [[maybe_unused]] const auto remembered = start_polling(exhausted_reason());
    events out;
    lost_events(out);
    deliver(out);
  }
  bool readable = false;
  const auto reason = status().reason;
  while (wait(static_cast<int>(options_.poll.count()), readable)) {
    std::set<std::string> cookies;
    {
      const std::lock_guard lock(mutex_);
      if (paused_) continue;
      cookies.swap(cookies_);
    }
    events out;
    const auto polled = poller_.poll(out);
    note_status(polled ? reason : reason + "; now: " + polled.error().context);
    refresh_folders(out);
    for (const auto& name : cookies)
      out.push_back({fs_event_kind::cookie, name, {}, std::chrono::steady_clock::now()});
    deliver(out);
  }
}

/// Cookies take the way round by what is polled.
void inotify_watcher::impl::deliver_past_mounts(events& out) {
  std::set<std::string> folders;
  for (const auto& [folder, network] : tree_->mounts()) folders.insert(folder);
  if (folders.empty() && mounts_.idle()) return deliver(out);
  mounts_.set(folders);
  const auto cookies = std::stable_partition(
      out.begin(), out.end(), [](const fs_event& event) { return event.kind != fs_event_kind::cookie; });
  events later(std::make_move_iterator(cookies), std::make_move_iterator(out.end()));
  out.erase(cookies, out.end());
  deliver(out);
  if (!later.empty()) mounts_.answer(std::move(later));
}

std::string inotify_watcher::impl::mounts_reason() const {
  std::string out;
  for (const auto& [folder, network] : tree_->mounts())
    out += fmt::format("{}'{}' is on {}", out.empty() ? "" : ", ", folder, network);
  return out.empty()
             ? out
             : "polled, because network file systems do not report what other machines change: " + out;
}

void inotify_watcher::impl::deliver(events& out) {
  if (!out.empty()) on_events_(std::move(out));
}

inotify_watcher::inotify_watcher(inotify_watcher_options options)
    : impl_(std::make_unique<impl>(std::move(options))) {}
inotify_watcher::~inotify_watcher() = default;

result<void> inotify_watcher::start(callback on_events) { return impl_->start(std::move(on_events)); }
void inotify_watcher::stop() { impl_->stop(); }
watch_status inotify_watcher::status() const { return impl_->status(); }
result<std::string> inotify_watcher::write_cookie() { return impl_->write_cookie(); }
void inotify_watcher::refresh(std::string folder) { impl_->refresh(std::move(folder)); }
void inotify_watcher::pause_reading() { impl_->pause(true); }
void inotify_watcher::resume_reading() { impl_->pause(false); }

}  // namespace graphite
