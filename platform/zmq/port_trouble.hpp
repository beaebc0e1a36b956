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
  /// A port's thread: calls `go_round` until `stopping`, and after an error `open_anew` before it. True: its
  /// socket is whole at the end.
  template <class OpenAnew, class GoRound>
  bool run(const wake_event& wake, const std::atomic<bool>& stopping, OpenAnew open_anew, GoRound go_round) {
    bool broken = false;
    while (!stopping.load()) {
      try {
        if (broken) open_anew();
        broken = false;
        go_round();
        in_a_row_ = 0;
      } catch (const zmq::error_t& e) {
        if (e.num() == EINTR) continue;
        broken = true;
        if (!goes_on(e, wake, stopping)) break;
      }
    }
    return !broken;
  }

 private:
  static void wait(milliseconds delay, const wake_event& wake, const std::atomic<bool>& stopping);

  const std::string port_;
  log_sink* const log_;
  std::size_t in_a_row_ = 0;
};

}  // namespace graphite
