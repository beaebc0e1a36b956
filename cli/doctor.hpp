#pragma once

#include <string>

#include "core/affinity.hpp"

namespace graphite {

/// What `graphite doctor` was asked for; the options of docs/cli.md.
struct doctor_options {
  std::string directory = ".";  ///< -C: the project's folder or one below it; need not be one
  std::string state;            ///< --state: empty, the project's own
  bool json = false;
  std::string picture;  ///< --picture: the SVG to write; empty: none
  bool strict = false;  ///< a finding that is `bad` gives exit code 1
  pin_mode pinning = pin_mode::automatic;
};

/// Looks at this machine, says what was found and what to change. The exit code.
int run_doctor(const doctor_options& options);

}  // namespace graphite
