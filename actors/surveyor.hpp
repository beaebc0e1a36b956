#pragma once

#include "actors/interfaces.hpp"

namespace graphite {

/// Looks at the whole tree when asked, so that its watcher need not wait for it. `look` blocks.
surveyor_actor::behavior_type surveyor(surveyor_actor::pointer self,
                                       std::function<result<tree_survey>()> look);

}  // namespace graphite
