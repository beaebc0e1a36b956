#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/messages/control.hpp"

namespace graphite {

/// What each tool is that nodes offer, for views whose tools nobody has found elsewhere: of several builds of
/// a name the one that most CPUs have, then the lower digest. So a key follows from who is there, and an
/// attempt goes to who has that very build. Pure. O(tools).
std::map<std::string, digest> choose_tools(const std::vector<std::shared_ptr<const control::join>>& nodes);

}  // namespace graphite
