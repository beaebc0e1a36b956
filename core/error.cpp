#include "core/error.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace graphite {

std::string_view to_string(errc code) {
  switch (code) {
    case errc::invalid_argument:
      return "invalid_argument";
    case errc::not_found:
      return "not_found";
    case errc::already_exists:
      return "already_exists";
    case errc::corrupt:
      return "corrupt";
    case errc::out_of_space:
      return "out_of_space";
    case errc::io:
      return "io";
    case errc::permission_denied:
      return "permission_denied";
    case errc::unavailable:
      return "unavailable";
    case errc::timed_out:
      return "timed_out";
    case errc::cancelled:
      return "cancelled";
    case errc::too_large:
      return "too_large";
    case errc::stale_epoch:
      return "stale_epoch";
    case errc::newer_version:
      return "newer_version";
    case errc::busy:
      return "busy";
    case errc::action_failed:
      return "action_failed";
    case errc::unsupported:
      return "unsupported";
  }
  return "unknown";
}

static errc code_of(int errno_value) {
  switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
      return errc::not_found;
    case EEXIST:
      return errc::already_exists;
    case EACCES:
    case EPERM:
    case EROFS:
      return errc::permission_denied;
    case ENOSPC:
    case EDQUOT:
      return errc::out_of_space;
    case ENAMETOOLONG:
    case EINVAL:
      return errc::invalid_argument;
    case EFBIG:
      return errc::too_large;
    case EAGAIN:
    case EBUSY:
      return errc::busy;
    case ETIMEDOUT:
      return errc::timed_out;
    default:
      return errc::io;
  }
}

error errno_error(int errno_value, std::string_view what) {
  return error{code_of(errno_value), std::string(what) + ": " + std::generic_category().message(errno_value)};
}

void invariant_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "graphite: broken invariant %s at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace graphite
