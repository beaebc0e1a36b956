#pragma once

#include "cli/doctor/finding.hpp"

namespace graphite::doctor {

/// A port of the loopback that GRAPHITE takes where nobody says otherwise.
struct port_facts {
  std::uint16_t port = 0;
  bool taken = false;
  std::string refused{};  ///< why it cannot be listened on, where it is not taken; empty: it can
  std::string program{};  ///< of who has it; empty: /proc does not tell this user
  int process = 0;
};

inline constexpr std::uint16_t first_port = 7400, last_port = 7405;

/// `port_7400` … each. Pure.
findings judge_ports(const std::vector<port_facts>& facts);

}  // namespace graphite::doctor
