#pragma once

#include <cstdint>
#include <string_view>

namespace graphite {

/// Where an attempt is on its way.
///
///   queued ──► running ──► settling ──► (reported)
///     │           │
///     │           └─► stopping ──► (reported as cancelled, or as it ended)
///     └─► (reported as cancelled)
enum class attempt_phase : std::uint8_t {
  queued,
  running,
  stopping,  ///< its token is cancelled; its end has not come yet
  settling   ///< succeeded, outputs not yet durable
};

/// What moves an attempt on.
enum class attempt_signal : std::uint8_t { started, asked_to_stop, ended, ended_unsynced, synced };

/// The phase after `signal`, or `reported` at the end of the way.
struct phase_step {
  bool legal = false;
  bool reported = false;
  attempt_phase next = attempt_phase::queued;
};
phase_step advance(attempt_phase from, attempt_signal signal);

std::string_view to_string(attempt_phase phase);

}  // namespace graphite
