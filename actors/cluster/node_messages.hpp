#pragma once

#include <memory>
#include <variant>

#include "core/messages/control.hpp"

namespace graphite {

/// An attempt that a node's agent had started has ended.
struct ended_run {
  std::uint64_t run = 0;  ///< the agent's number of it
  control::attempt_end end;
};
using ended_run_ptr = std::shared_ptr<ended_run>;

/// What a node's store says to the coordinator.
using store_word = std::variant<control::need_question, control::store_state>;
using store_word_ptr = std::shared_ptr<const store_word>;

}  // namespace graphite
