#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

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

/// What the system said first where it did not let something be bound: said once in the log, and kept.
/// Thread-safe.
class binding_refusal {
 public:
  explicit binding_refusal(log_sink& log) : log_(log) {}
  void note(const error& why);
  /// For people; empty: nothing was refused.
  std::string reason() const;

 private:
  log_sink& log_;
  mutable std::mutex mutex_;
  std::string reason_;
};

/// A session's share of the machine: its domains, with a pool of build threads for each. Thread-safe.
class session_machine {
 public:
  /// Says in the log what is not as it might be. Errors: busy (no more threads to be had), invalid_argument.
  static result<std::unique_ptr<session_machine>> open(const session_machine_options& options, log_sink& log);

  domain_pools& pool() { return *pools_; }
  /// What its threads were made from; `pinned` only where all of them could be bound.
  const affinity_plan& affinity() const { return plan_.affinity; }
  /// Actions at once.
  std::size_t jobs() const { return pools_->threads(); }
  /// What the actors' threads call when they begin: binds them to the first domain where threads are pinned.
  std::function<void()> thread_start() const;
  /// For whoever else binds threads or processes: told what the system refuses, by any thread, it is in
  /// status(), too.
  std::function<void(const error&)> on_unbound() const;
  machine_status status() const;

 private:
  session_machine(machine_plan plan, log_sink& log)
      : plan_(std::move(plan)), refused_(std::make_shared<binding_refusal>(log)) {}

  machine_plan plan_;
  std::shared_ptr<binding_refusal> refused_;
  mutable std::mutex asked_;  ///< of what is found out when status() is asked for
  mutable std::optional<async_io_facts> io_;
  remote_access_meter remote_;
  std::unique_ptr<domain_pools> pools_;
};

}  // namespace graphite
