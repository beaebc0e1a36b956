#pragma once

#include <memory>

#include "core/messages/control.hpp"

namespace graphite {

/// An attempt that a node's agent had started has ended.
struct ended_run {
  std::uint64_t run = 0;  ///< the agent's number of it
  control::attempt_end end;
};
using ended_run_ptr = std::shared_ptr<ended_run>;

}  // namespace graphite
