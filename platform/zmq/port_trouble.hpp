#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <zmq.hpp>

#include "core/ports/log.hpp"
#include "platform/zmq/wake_event.hpp"

namespace graphite {

/// What the thread of a port does with libzmq's errors: it tells, waits and tries again. One thread.
class port_trouble {
 public:
  static constexpr int delay_ms = 10, delay_ms_max = 1000;
  static constexpr std::size_t tries_max = 600;  ///< in a row: about ten minutes

  /// `log` may be null.
  port_trouble(std::string port, log_sink* log) : port_(std::move(port)), log_(log) {}
  /// Waits for a while, or until `stopping`, which `wake` tells of; leaves `wake` set. False: the thread has
  /// to end, as the context has, or there were `tries_max` errors in a row, of which the log gets the last
  /// word.
  bool goes_on(const zmq::error_t& why, const wake_event& wake, const std::atomic<bool>& stopping);
  /// All is well.
  void is_over() { in_a_row_ = 0; }

 private:
  static void wait(milliseconds delay, const wake_event& wake, const std::atomic<bool>& stopping);

  const std::string port_;
  log_sink* const log_;
  std::size_t in_a_row_ = 0;
};

}  // namespace graphite
