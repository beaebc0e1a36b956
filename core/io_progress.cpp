#include "core/io_progress.hpp"

#include <cerrno>

namespace graphite {

io_progress::io_progress(const io_request& request)
    : what_(request.what), wanted_(request.what == io_operation::sync ? 0 : request.bytes.size()) {
  completion_.token = request.token;
}

io_progress::step io_progress::take(std::int64_t answer) {
  if (answer < 0) {
    const auto error = static_cast<int>(-answer);
    if ((error == EINTR || error == EAGAIN) && ++interruptions_ <= interruptions_max) return step::again;
    // Direct reads must begin at a block: the rest of a file's last one cannot be asked for.
    if (error == EINVAL && what_ == io_operation::read && done() > 0) return step::look;
    return fail(error);
  }
  if (what_ == io_operation::sync) return step::finished;
  const auto moved = static_cast<std::size_t>(answer);
  if (moved > wanted_ - done()) return fail(EIO);
  completion_.bytes += moved;
  interruptions_ = 0;
  if (done() == wanted_) return step::finished;
  if (moved > 0) return step::again;
  return what_ == io_operation::read ? step::finished : fail(EIO);
}

void io_progress::looked(bool file_ends_here) {
  if (!file_ends_here) fail(EINVAL);
}

void io_progress::cancel() { fail(ECANCELED); }

io_progress::step io_progress::fail(int system_error) {
  completion_.system_error = system_error;
  completion_.failed = system_error == ECANCELED ? errc::cancelled : errno_error(system_error, "").code;
  return step::finished;
}

}  // namespace graphite
