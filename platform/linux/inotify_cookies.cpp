#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "platform/linux/inotify_watcher_impl.hpp"

// Sync cookies: files on the same inotify instance as the sources, so that their events come after all
// earlier ones.

namespace graphite {

/// The caller holds mutex_, or is alone.
result<void> inotify_watcher::impl::watch_cookies() {
  if (options_.cookie_folder.empty()) return {};
  std::error_code failed;
  std::filesystem::create_directories(options_.cookie_folder, failed);
  const int wd = ::inotify_add_watch(inotify_.get(), options_.cookie_folder.c_str(), IN_CREATE | IN_ONLYDIR);
  if (wd < 0 && errno != ENOSPC) return fail_errno(errno, "cannot watch '" + options_.cookie_folder + "'");
  cookie_wd_ = wd;
  return {};
}

result<std::string> inotify_watcher::impl::write_cookie() {
  if (options_.cookie_folder.empty())
    return fail(errc::unsupported, "the watcher of '" + options_.root + "' has no place for cookies");
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

}  // namespace graphite
