#pragma once

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <chrono>

#include "core/error.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// Tells when another has let go: it is given `held()`, the end of a pipe, which hangs up with its last copy.
class hang_up {
 public:
  hang_up() = default;  ///< none

  /// Errors: of pipe2(), as errno.
  static tl::expected<hang_up, int> make() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return tl::unexpected(errno);
    hang_up out;
    out.seen_.reset(ends[0]);
    out.held_.reset(ends[1]);
    return out;
  }
  int held() const { return held_.get(); }

  /// Closes this one's own copy; whether there is no other within `wait_max`. A child of fork() may have one.
  bool wait(std::chrono::milliseconds wait_max) {
    held_.reset();
    const auto until = std::chrono::steady_clock::now() + wait_max;
    while (true) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      ::pollfd one{seen_.get(), POLLIN, 0};
      const int got = ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
      if (got > 0) return (one.revents & POLLHUP) != 0;
      if (got == 0 || errno != EINTR) return false;
    }
  }

 private:
  owned_fd seen_, held_;
};

}  // namespace graphite
