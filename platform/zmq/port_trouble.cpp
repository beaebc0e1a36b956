#include "platform/zmq/port_trouble.hpp"

#include <poll.h>

#include <algorithm>
#include <bit>
#include <chrono>

namespace graphite {

bool port_trouble::goes_on(const zmq::error_t& why, const wake_event& wake,
                           const std::atomic<bool>& stopping) {
  if (why.num() == ETERM) return false;
  ++in_a_row_;
  if (in_a_row_ >= tries_max) {
    if (log_ != nullptr)
      log_->error("{}: {}; given up after {} tries, start the service again", port_, why.what(), in_a_row_);
    return false;
  }
  if (log_ != nullptr && std::has_single_bit(in_a_row_))  // ever more seldom
    log_->warn("{}: {}; it is opened anew (error {} in a row)", port_, why.what(), in_a_row_);
  const int shift = static_cast<int>(std::min<std::size_t>(in_a_row_, 8));
  wait(milliseconds(std::min(delay_ms << shift, delay_ms_max)), wake, stopping);
  return true;
}

void port_trouble::wait(milliseconds delay, const wake_event& wake, const std::atomic<bool>& stopping) {
  const auto end = std::chrono::steady_clock::now() + delay;
  while (!stopping.load()) {
    wake.clear();
    const auto left =
        std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now()).count();
    if (left <= 0 || stopping.load()) break;
    pollfd woken{wake.descriptor(), POLLIN, 0};
    (void)::poll(&woken, 1, static_cast<int>(left));  // interrupted or not: the clock says whether it is time
  }
  wake.set();  // what it told of is looked at after this
}

}  // namespace graphite
