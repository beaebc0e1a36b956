#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/recording_relay.hpp"

namespace graphite::bench {

/// A port that is attacked, and what somebody on the path has heard there.
struct attacked_port {
  enum class protocol { curve, tls };
  std::string name, at;  ///< HOST:PORT
  protocol speaks = protocol::curve;
  recorded_session heard;
};

/// Whether a client that heard `bytes` from the port, which begin so, was let in.
bool was_let_in(const attacked_port& port, std::string_view beginning, std::size_t bytes);

struct attack_options {
  std::size_t connections = 1'000;  ///< to each port, a quarter of each kind
  double spread_s = 4;              ///< in which all of them begin
  double again_s = 5;               ///< after its end a connection is made anew
  int niceness = 10;
};

/// What the attackers did and got so far. In memory that both processes have.
struct attack_counts {
  static constexpr std::size_t ports_max = 8;
  std::atomic<std::uint64_t> made[ports_max];  ///< connections to each port
  std::atomic<std::uint64_t> open, open_max, bytes_sent;
  std::atomic<std::uint64_t> admitted;  ///< connections that were answered as only who has keys is
};

/// A process of its own with connections of four kinds to each port: random bytes; a true beginning, one byte
/// a second; a message that never ends; all that a true client said before. Where the port has a limit of
/// connections the others wait in the kernel or are refused, and come again.
class attackers {
 public:
  /// Forks: before this process has threads.
  attackers(const std::vector<attacked_port>& ports, const attack_options& how);
  /// Ends the process and all its connections.
  ~attackers();
  attackers(const attackers&) = delete;
  attackers& operator=(const attackers&) = delete;

  const attack_counts& counts() const { return *counts_; }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  attack_counts* counts_ = nullptr;
};

/// A process that uses `share` of one processor, for nothing.
class idle_load {
 public:
  idle_load(double share, int niceness);
  ~idle_load();
  idle_load(const idle_load&) = delete;
  idle_load& operator=(const idle_load&) = delete;

 private:
  pid_t pid_ = -1;
};

}  // namespace graphite::bench
