#pragma once

#include <map>

#include "actors/interfaces.hpp"
#include "core/cancel_token.hpp"
#include "core/ports/clock.hpp"

namespace graphite {

/// What a rebuild actor runs attempts with; outlives the actor and every attempt.
struct rebuild_dependencies {
  /// Runs one attempt to its end, blocking. Called on the pool's threads, several at once.
  std::function<attempt_result(const attempt_spec&, const cancel_token&)> run;
  /// Hands work to the domain's pinned pool; false where its queue is full or it has stopped.
  std::function<bool(std::function<void()>)> submit;
  const clock_source* clock = nullptr;  ///< for how long attempts take; null: that is not told
};

/// The attempts one domain is running. Never blocks: the pool does.
struct rebuild_state {
  static inline const char* name = "rebuild";
  rebuild_state() {}

  rebuild_dependencies with;
  std::map<std::pair<std::uint32_t, std::uint32_t>, cancel_token> running;  ///< by action and attempt
};

rebuild_actor::behavior_type rebuild(rebuild_actor::stateful_pointer<rebuild_state> self,
                                     rebuild_dependencies with);

}  // namespace graphite
