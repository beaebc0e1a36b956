#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

#include "gateway/listen_address.hpp"

namespace graphite::bench {

inline constexpr std::size_t heard_bytes_kept_max = 4'096;

/// What one client said to a port, which somebody on the path could say again.
struct recorded_session {
  std::string sent;
  std::size_t greeting_bytes = 0;  ///< what the port said before the client spoke for the second time
  std::size_t heard_bytes = 0;     ///< all that the port said
  std::string heard;               ///< the beginning of it
};

/// Stands between one client and a port of this machine, with a thread of its own, and keeps what passes.
class recording_relay {
 public:
  /// `to` is HOST:PORT. Exits the bench where nothing can be listened on.
  explicit recording_relay(std::string to);
  ~recording_relay();
  recording_relay(const recording_relay&) = delete;
  recording_relay& operator=(const recording_relay&) = delete;

  std::string address() const { return to_string(listener_.at); }
  recorded_session recorded() const;

 private:
  void relay();
  bool pass(int from, int to, bool of_client);

  const std::string to_;
  tcp_listener listener_;
  std::atomic<bool> ended_{false};
  mutable std::mutex mutex_;
  recorded_session session_;
  std::size_t times_spoken_ = 0;
  bool answered_ = false;
  std::thread thread_;  // last: it uses all of the above
};

/// A non-blocking connection under way to HOST:PORT, or -1.
int begin_connecting(const std::string& to);

}  // namespace graphite::bench
