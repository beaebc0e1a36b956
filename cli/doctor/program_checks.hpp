#pragma once

#include <optional>

#include "cli/doctor/finding.hpp"

namespace graphite::doctor {

struct program_report {
  std::string kernel{};                      ///< uname's release: "6.1.0-18-amd64"
  std::string architecture{};                ///< uname's machine
  std::vector<std::string> simd{};           ///< targets of this machine, ascending
  std::optional<std::string> forced_simd{};  ///< GRAPHITE_SIMD
  std::string worker{};                      ///< path of graphite-worker
  bool worker_there = false;                 ///< it may be run
  std::string worker_refused{};              ///< why a task failed in it; empty: it did well
  std::string version{};                     ///< of this program
};

/// "6.1.0-18-amd64" is {6, 1}; {0, 0} where it makes no sense. Pure.
std::pair<int, int> kernel_version(const std::string& release);

/// `kernel`, `simd`, `worker_program`. Pure.
findings judge_programs(const program_report& facts);

}  // namespace graphite::doctor
