#pragma once

#include <functional>
#include <memory>

#include "core/messages/views.hpp"

namespace graphite {

/// Something to be done by the thread of an actor, whose state `what` knows. Must not block.
struct view_call {
  std::function<void()> what;
};
using view_call_ptr = std::shared_ptr<const view_call>;
using view_settings_ptr = std::shared_ptr<const views::settings>;

}  // namespace graphite
