#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "bundle/page_file.hpp"
#include "core/kill_point.hpp"
#include "platform/linux/durable_file.hpp"
#include "platform/store/bundle_folder.hpp"

// What of a bundle folder lasts.

namespace graphite {

result<void> bundle_folder::sync(int fd, std::uint32_t number) const {
  if (::fdatasync(fd) == 0) return {};
  auto why = errno_error(errno, "sync " + path(page_file_name(number)));
  if (why.code != errc::out_of_space) {
    if (!options_.on_failed_sync) {
      std::fprintf(stderr, "graphite: %s\n", why.context.c_str());
      std::_Exit(70);
    }
    options_.on_failed_sync(why);
  }
  return tl::unexpected(std::move(why));
}

// The pages first: a head that is on disk then has them.
result<void> bundle_folder::sync() const {
  owned_fd pages, head;
  std::uint32_t number = 0;
  {
    std::lock_guard lock(mutex_);
    if (!head_ || output_.number == 0) return {};
    number = output_.number;
    pages.reset(::fcntl(output_.fd.get(), F_DUPFD_CLOEXEC, 0));
    head.reset(::open(path("head").c_str(), O_RDONLY | O_CLOEXEC));
    if (!pages || !head) return fail_errno(errno, "sync " + options_.folder);
  }
  GRAPHITE_KILL_POINT("bundle.before_sync");
  GRAPHITE_CHECK(sync(pages.get(), number));
  GRAPHITE_KILL_POINT("bundle.between_syncs");
  if (::fsync(head.get()) != 0) return fail_errno(errno, "sync " + path("head"));
  GRAPHITE_CHECK(sync_folder(options_.folder));
  GRAPHITE_KILL_POINT("bundle.after_sync");
  return {};
}

}  // namespace graphite
