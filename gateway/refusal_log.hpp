#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "core/ports/log.hpp"
#include "core/rate_limit.hpp"

namespace graphite {

/// Tells the log whom a port refused and why, as often as a rate allows: the rest are counted, and their
/// number told. One thread.
class refusal_log {
 public:
  /// `port` is for people and begins each line; may be empty. `log` outlives it.
  refusal_log(log_sink& log, const std::string& port, event_rate most)
      : log_(log), port_(port.empty() ? port : port + ": "), rate_(most) {}

  void tell(const std::string& who, const std::string& why) {
    if (!rate_.take(std::chrono::steady_clock::now())) {
      ++untold_;
      return;
    }
    if (const auto more = std::exchange(untold_, 0); more > 0)
      log_.warn("{}refused {} further clients", port_, more);
    log_.warn("{}refused a client at {}: {}", port_, who, why);
  }

 private:
  log_sink& log_;
  const std::string port_;
  rate_limit rate_;
  std::uint64_t untold_ = 0;
};

}  // namespace graphite
