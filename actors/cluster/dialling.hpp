#pragma once

#include <functional>
#include <optional>
#include <string>

#include "actors/cluster/cluster_control.hpp"

namespace graphite {

/// How a process reaches a coordinator, whatever it is there for.
struct dialling_options {
  std::string host = "127.0.0.1";  ///< of the coordinator
  std::uint16_t port = 7401;
  std::string coordinator;  ///< how it has to be called; empty: any
  control_security security;
  /// See platform/crypto/ssl_calls.
  std::function<void(std::uint16_t port)> give_up;
  std::function<std::optional<std::string>(std::uint16_t port)> why_refused;
  duration dial_within = seconds(5);
  clock_source* clock = nullptr;
  log_sink* log = nullptr;
};

}  // namespace graphite
