#pragma once

#include <chrono>
#include <string>

#include "core/limited_log.hpp"

namespace graphite {

/// Tells the log whom a port refused and why, as often as a rate allows. One thread.
class refusal_log {
 public:
  /// `port` is for people and begins each line; may be empty. `log` outlives it.
  refusal_log(log_sink& log, const std::string& port, event_rate most)
      : port_(port.empty() ? port : port + ": "), log_(&log, most, port_ + "refused clients") {}

  void tell(const std::string& who, const std::string& why) {
    log_.write(log_level::warning, fmt::format("{}refused a client at {}: {}", port_, who, why),
               std::chrono::steady_clock::now());
  }

 private:
  const std::string port_;
  limited_log log_;
};

}  // namespace graphite
