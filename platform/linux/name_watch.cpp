#include "platform/linux/name_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace graphite {
namespace {

constexpr duration look_for_folder = milliseconds(100);
constexpr std::uint32_t watched_for =
    IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

}  // namespace

name_watch::name_watch(std::string folder, std::string name)
    : folder_(std::move(folder)),
      name_(std::move(name)),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  watch();
}

void name_watch::watch() {
  if (inotify_) watch_ = ::inotify_add_watch(inotify_.get(), folder_.c_str(), watched_for);
}

void name_watch::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);  // full: it is awake
}

/// True where one of the events may be of the name.
bool name_watch::read_events() {
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  bool changed = false;
  while (true) {
    const auto got = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (got <= 0) return changed;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(got);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* const name = buffer.data() + at + sizeof event;
      if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0 && watch_ >= 0) {
        ::inotify_rm_watch(inotify_.get(), watch_);
        watch_ = -1;
      }
      if ((event.mask & IN_IGNORED) != 0 && event.wd == watch_) watch_ = -1;
      changed = changed || event.len == 0 || name_ == name;
      at += sizeof event + event.len;
    }
  }
}

name_watch::reason name_watch::wait(duration timeout) {
  if (watch_ < 0) {
    watch();
    if (watch_ >= 0) return reason::changed;  // what came before the watch
    timeout = std::min(timeout, look_for_folder);
  }
  std::array<pollfd, 2> on{pollfd{wake_.get(), POLLIN, 0}, pollfd{inotify_.get(), POLLIN, 0}};
  const auto whole = std::chrono::ceil<milliseconds>(std::max(timeout, duration::zero())).count();
  (void)::poll(on.data(), on.size(), static_cast<int>(std::min<std::int64_t>(whole, 1'000'000)));
  if ((on[0].revents & POLLIN) != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_.get(), &count, sizeof count);
    return reason::woken;
  }
  return (on[1].revents & POLLIN) != 0 && read_events() ? reason::changed : reason::timeout;
}

}  // namespace graphite
