#include "cli/exit_codes.hpp"

namespace graphite {

exit_code exit_code_for(errc code) {
  switch (code) {
    case errc::invalid_argument:
    case errc::not_found:
    case errc::already_exists:
    case errc::too_large:
    case errc::newer_version:
    case errc::unsupported:
      return exit_usage;
    case errc::unavailable:
    case errc::timed_out:
    case errc::busy:
    case errc::stale_epoch:
      return exit_unavailable;
    case errc::permission_denied:
      return exit_denied;
    case errc::corrupt:
      return exit_corrupt;
    case errc::out_of_space:
    case errc::io:
    case errc::cancelled:
    case errc::action_failed:
      return exit_failed;
  }
  return exit_failed;
}

}  // namespace graphite
