#pragma once

#include <string_view>

#include "core/logical_path.hpp"

namespace graphite::test {

inline logical_path path_of(std::string_view text) { return *logical_path::parse(text); }

}  // namespace graphite::test
