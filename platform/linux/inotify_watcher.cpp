#include "platform/linux/inotify_watcher.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "platform/linux/tree_poller.hpp"
#include "platform/linux/watched_tree.hpp"

namespace graphite {

namespace {

constexpr std::size_t read_bytes = 256 * 1024;
constexpr int pair_wait_ms = 2;        // for the second half of a rename
constexpr milliseconds lost_poll{20};  // how often a lost root is looked for

std::size_t system_watches_max() {
  std::size_t out = 0;
  std::ifstream("/proc/sys/fs/inotify/max_user_watches") >> out;
  return out;
}

tl::unexpected<error> instances_exhausted() {
  return fail(
      errc::unavailable,
      "cannot watch: this user has no inotify instance or this process no descriptor left. Raise "
      "fs.inotify.max_user_instances (sysctl) or the limit of open files (ulimit -n), or end programs "
      "that watch files");
}

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

std::string_view network_file_system(long f_type) {
  // Constants that linux/magic.h lacks or that differ between its versions are written out.
  switch (static_cast<unsigned long>(f_type) & 0xffffffffUL) {
    case NFS_SUPER_MAGIC:
      return "NFS";
    case 0xff534d42UL:
      return "CIFS";
    case 0xfe534d42UL:
      return "SMB2";
    case SMB_SUPER_MAGIC:
      return "SMB";
    case 0x65735546UL:
      return "FUSE";
    case V9FS_MAGIC:
      return "9p";
    case AFS_SUPER_MAGIC:
      return "AFS";
    case 0x6b414653UL:
      return "kAFS";
    case CODA_SUPER_MAGIC:
      return "Coda";
    case 0x00c36400UL:
      return "Ceph";
    case 0x0bd00bd0UL:
      return "Lustre";
    case 0x01161970UL:
      return "GFS2";
    case 0x7461636fUL:
      return "OCFS2";
    case 0x19830326UL:
      return "BeeGFS";
    case 0x47504653UL:
      return "GPFS";
    case 0x786f4256UL:
      return "vboxsf";
    case 0xbacbacbcUL:
      return "vmhgfs";
    default:
      return {};
  }
}

/// Everything of a running watcher. The thread owns tree_ and poller_; `mutex_` guards what others touch.
class inotify_watcher::impl {
 public:
  explicit impl(inotify_watcher_options options)
      : options_(std::move(options)), poller_(options_), buffer_(read_bytes) {}
  ~impl() { stop(); }

  result<void> start(callback on_events);
  void stop();
  watch_status status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  result<std::string> write_cookie();
  void refresh(std::string folder) {
    {
      const std::lock_guard lock(mutex_);
      refresh_.push_back(std::move(folder));
    }
    wake();
  }
  void pause(bool on) {
    {
      const std::lock_guard lock(mutex_);
      paused_ = on;
    }
    wake();
  }

 private:
  using events = std::vector<fs_event>;

  result<void> start_events(events& first);
  result<void> start_polling(std::string reason);
  std::string polling_reason() const;
  std::string exhausted_reason() const;
  result<void> touch_cookie(const std::string& name);
  result<void> watch_cookies();

  void run();
  void run_events();
  void run_polling();
  bool wait(int timeout_ms, bool& readable);
  bool stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }
  void read_batch(std::vector<raw_event>& batch);
  void handle(const std::vector<raw_event>& batch, events& out);
  void take_cookie(const raw_event& raw, events& out);
  void put_back_cookies(const events& out);
  int cookie_descriptor() const {
    const std::lock_guard lock(mutex_);
    return cookie_wd_;
  }
  void lost_events(events& out);
  void look_for_root(events& out);
  void refresh_folders(events& out);
  void deliver(events& out);
  void note_status(std::string reason);
  void wake() {
    const std::uint64_t one = 1;
    if (wake_) [[maybe_unused]]
      const auto written = ::write(wake_.get(), &one, sizeof one);
  }

  const inotify_watcher_options options_;
  callback on_events_;
  owned_fd inotify_, wake_, epoll_;
  std::unique_ptr<watched_tree> tree_;
  tree_poller poller_;
  std::vector<char> buffer_;
  std::thread thread_;
  bool root_lost_ = false;

  mutable std::mutex mutex_;
  watch_status status_;
  std::set<std::string> cookies_;  ///< outstanding
  std::vector<std::string> refresh_;
  std::uint64_t next_cookie_ = 1;
  int cookie_wd_ = -1;
  bool stopping_ = false, paused_ = false;
};

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
    deliver(first);
    run();
  });
  return {};
}

std::string inotify_watcher::impl::polling_reason() const {
  if (options_.force_polling) return "polling was asked for";
  struct ::statfs raw {};
  if (::statfs(options_.root.c_str(), &raw) != 0) return {};
  const auto name = network_file_system(static_cast<long>(raw.f_type));
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
  if (!inotify_ && (errno == EMFILE || errno == ENFILE)) return instances_exhausted();
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
  const std::lock_guard lock(mutex_);
  status_ = {tree_ ? watch_mode::events : watch_mode::polling, std::move(reason),
             tree_ ? tree_->folders() : poller_.folders()};
}

/// The caller holds mutex_, or is alone.
result<void> inotify_watcher::impl::watch_cookies() {
  std::error_code failed;
  std::filesystem::create_directories(options_.cookie_folder, failed);
  const int wd = ::inotify_add_watch(inotify_.get(), options_.cookie_folder.c_str(), IN_CREATE | IN_ONLYDIR);
  if (wd < 0 && errno != ENOSPC) return fail_errno(errno, "cannot watch '" + options_.cookie_folder + "'");
  cookie_wd_ = wd;
  return {};
}

result<std::string> inotify_watcher::impl::write_cookie() {
  const std::lock_guard lock(mutex_);
  auto name = fmt::format("{}-{}", ::getpid(), next_cookie_++);
  if (status_.mode == watch_mode::polling) {
    cookies_.insert(name);
    wake();
    return name;
  }
  cookies_.insert(name);
  auto touched = touch_cookie(name);
  if (!touched && touched.error().code == errc::not_found) {
    // Somebody removed the folder: a new one is watched before the cookie is in it.
    if (touched = watch_cookies(); touched) touched = touch_cookie(name);
  }
  if (touched) return name;
  cookies_.erase(name);
  return tl::unexpected<error>(std::move(touched).error());
}

result<void> inotify_watcher::impl::touch_cookie(const std::string& name) {
  const auto path = options_.cookie_folder + "/" + name;
  const owned_fd fd(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!fd) return fail_errno(errno, "cannot write the cookie '" + path + "'");
  ::unlink(path.c_str());
  return {};
}

void inotify_watcher::impl::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
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
    deliver(out);
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

/// The events in `out` are not reported, so neither are the cookies.
void inotify_watcher::impl::put_back_cookies(const events& out) {
  const std::lock_guard lock(mutex_);
  for (const auto& event : out)
    if (event.kind == fs_event_kind::cookie) cookies_.insert(event.path);
}

void inotify_watcher::impl::take_cookie(const raw_event& raw, events& out) {
  const std::lock_guard lock(mutex_);
  if (cookies_.erase(raw.name) != 0)
    out.push_back({fs_event_kind::cookie, raw.name, {}, std::chrono::steady_clock::now()});
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

void inotify_watcher::impl::run_polling() {
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
