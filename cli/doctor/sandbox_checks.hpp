#pragma once

#include <optional>

#include "cli/doctor/finding.hpp"
#include "core/sandbox.hpp"

namespace graphite::doctor {

struct sandbox_report {
  std::optional<int> seccomp_mode{};  ///< of /proc/self/status: 0 none, 1 strict, 2 filter
  std::vector<std::string> denied{};  ///< what of this program's wishes a filter may be the reason for
  bool no_new_privs = false;
  std::string user_namespaces_refused{};  ///< empty: they can be made
  std::optional<int> landlock_abi{};      ///< none: refused
  std::string landlock_refused{};
  std::string workers_refused{};          ///< why workers cannot be shut in; empty: they can
  std::vector<sandbox_offer> commands{};  ///< every tier for commands, descending
};

/// `seccomp`, `no_new_privs`, `user_namespaces`, `landlock`, `worker_sandbox`, `command_sandbox`. Pure.
findings judge_sandbox(const sandbox_report& facts);

}  // namespace graphite::doctor
