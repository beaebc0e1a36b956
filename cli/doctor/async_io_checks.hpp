#pragma once

#include "cli/doctor/limit_checks.hpp"

namespace graphite::doctor {

struct async_io_report {
  std::string refused{};          ///< why io_uring is not to be had; empty: it works
  std::optional<int> disabled{};  ///< kernel.io_uring_disabled: 0 to 2; none: this kernel has no such switch
  bool filtered = false;          ///< a seccomp filter is in force
  resource_limit locked{};        ///< bytes
  bool lock_any = false;          ///< CAP_IPC_LOCK: the limit does not apply
  std::uint64_t announced_bytes = 0;  ///< what was tried
  std::string announce_refused{};     ///< empty: it works, or io_uring does not
};

/// `io_uring`, `locked_memory`. Pure.
findings judge_async_io(const async_io_report& facts);

}  // namespace graphite::doctor
