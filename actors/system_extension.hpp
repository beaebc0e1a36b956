#pragma once

#include <caf/all.hpp>

#include "actors/interfaces.hpp"
#include "core/ids.hpp"

namespace graphite {

/// What another library adds to the actors of a local_system: a cluster in the place of this machine's pool.
class system_extension {
 public:
  virtual ~system_extension() = default;
  /// Before the system is made.
  virtual result<void> configure(caf::actor_system_config& config) = 0;
  /// Whoever runs the attempts of this start.
  virtual result<rebuild_actor> begin(caf::actor_system& system, journal_actor journal,
                                      epoch_number epoch) = 0;
  /// Before the other actors end. Drops all handles.
  virtual void end() = 0;
};

}  // namespace graphite
