#pragma once

#include <caf/all.hpp>

namespace graphite {

/// Every thread that makes a system, spawns or asks keeps CAF's logger alive from then on, and the end of the
/// system waits until no thread does: so that it may end in any thread, ours forget it at once.
struct logger_guard {
  logger_guard() = default;
  logger_guard(const logger_guard&) = delete;
  logger_guard& operator=(const logger_guard&) = delete;
  ~logger_guard() { caf::logger::set_current_actor_system(nullptr); }
};

}  // namespace graphite
