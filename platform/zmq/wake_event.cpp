#include "platform/zmq/wake_event.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

namespace graphite {

result<wake_event> wake_event::make() {
  const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor < 0) return fail_errno(errno, "make an eventfd");
  return wake_event(descriptor);
}

wake_event::wake_event(wake_event&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

wake_event::~wake_event() {
  if (descriptor_ >= 0) close(descriptor_);
}

void wake_event::set() const noexcept {
  const int kept = errno;  // a signal handler must not change it
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(descriptor_, &one, sizeof one);  // full: it is set already
  errno = kept;
}

bool wake_event::clear() const noexcept {
  std::uint64_t count = 0;
  return read(descriptor_, &count, sizeof count) == sizeof count;
}

}  // namespace graphite
