#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "actors/facade.hpp"
#include "cli/machine.hpp"
#include "core/ports/async_io.hpp"
#include "core/ports/log.hpp"
#include "platform/linux/domain_pools.hpp"
#include "platform/numa/remote_access.hpp"

namespace graphite {

struct session_machine_options {
  pin_mode pin = pin_mode::automatic;
  std::size_t jobs = 0;  ///< 0: one for each processor, no more than the quota is worth
  bool serves = false;   ///< somebody may ask for its status: accesses to memory are counted
};

/// A session's share of the machine: its domains, with a pool of build threads for each. Thread-safe.
class session_machine {
 public:
  /// Says in the log what is not as it might be. Errors: busy (no more threads to be had), invalid_argument.
  static result<std::unique_ptr<session_machine>> open(const session_machine_options& options, log_sink& log);

  domain_pools& pool() { return *pools_; }
  /// Whether threads are bound to their domains.
  bool pinned() const { return plan_.affinity.pinned; }
  /// Actions at once.
  std::size_t jobs() const { return pools_->threads(); }
  /// What the actors' threads call when they begin: binds them to the first domain where threads are pinned.
  std::function<void()> thread_start() const;
  machine_status status() const;

 private:
  explicit session_machine(machine_plan plan) : plan_(std::move(plan)) {}

  machine_plan plan_;
  mutable std::mutex asked_;  ///< of what is found out when status() is asked for
  mutable std::optional<async_io_facts> io_;
  remote_access_meter remote_;
  std::unique_ptr<domain_pools> pools_;
};

}  // namespace graphite
