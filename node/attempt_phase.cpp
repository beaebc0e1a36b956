#include "node/attempt_phase.hpp"

namespace graphite {

phase_step advance(attempt_phase from, attempt_signal signal) {
  using phase = attempt_phase;
  using said = attempt_signal;
  const bool active = from == phase::running || from == phase::stopping;
  switch (signal) {
    case said::started:
      return {from == phase::queued, false, phase::running};
    case said::asked_to_stop:
      // Bytes that are on their way to the disk are let through: the result is worth having.
      if (from == phase::settling) return {true, false, from};
      return {true, from == phase::queued, phase::stopping};
    case said::ended:
      return {active, true, from};
    case said::ended_unsynced:
      return {active, false, phase::settling};
    case said::synced:
      return {from == phase::settling, true, from};
  }
  return {};
}

std::string_view to_string(attempt_phase phase) {
  switch (phase) {
    case attempt_phase::queued:
      return "queued";
    case attempt_phase::running:
      return "running";
    case attempt_phase::stopping:
      return "stopping";
    case attempt_phase::settling:
      return "settling";
  }
  return "unknown";
}

}  // namespace graphite
