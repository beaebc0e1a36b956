#include "platform/zmq/port_trouble.hpp"

#include <poll.h>

#include <algorithm>
#include <bit>

namespace graphite {

bool port_trouble::goes_on(const zmq::error_t& why, const wake_event& wake) {
  if (why.num() == ETERM) return false;
  ++in_a_row_;
  if (in_a_row_ >= tries_max) {
    if (log_ != nullptr)
      log_->error("{}: {}; given up after {} tries, start the service again", port_, why.what(), in_a_row_);
    return false;
  }
  if (log_ != nullptr && std::has_single_bit(in_a_row_))  // ever more seldom
    log_->warn("{}: {}; it is opened anew (error {} in a row)", port_, why.what(), in_a_row_);
  const int delay = static_cast<int>(std::min<std::size_t>(
      delay_ms_max, delay_ms * (std::size_t{1} << std::min<std::size_t>(in_a_row_, 8))));
  pollfd woken{wake.descriptor(), POLLIN, 0};
  (void)::poll(&woken, 1, delay);  // cut short or not: the next try tells
  return true;
}

}  // namespace graphite
