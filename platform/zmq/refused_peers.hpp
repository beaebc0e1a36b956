#pragma once

#include <string>
#include <string_view>

#include "core/curve_pair.hpp"
#include "core/limited_log.hpp"
#include "core/ports/log.hpp"

namespace graphite {

/// What a port with keys writes of peers that it does not serve: who and why, as often as strangers may fill
/// a log. One thread.
class refused_peers {
 public:
  static constexpr event_rate lines{2, 20};

  /// `log` may be null, and outlives the object.
  refused_peers(std::string port, log_sink* log)
      : port_(std::move(port)), log_(log, lines, "refused peers") {}

  /// `address`: empty where it is not known.
  void peer(std::string_view address, std::string_view why);
  void key(const curve_key& who, std::string_view why);

 private:
  void write(const std::string& who, std::string_view why);

  const std::string port_;
  limited_log log_;
};

/// Of a connection that ended before; who has no keys may be the first to see that they are wanted.
inline constexpr std::string_view no_handshake_text = "it went, or was late, before it had proved a key";
/// What the value of ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL says at a port with keys.
std::string_view handshake_failure_text(int value);

}  // namespace graphite
