#pragma once

#include <string_view>

namespace graphite {

/// Whether logical_path::parse() would take `text`, told without making one. No allocation for printable
/// ASCII.
bool is_logical_path(std::string_view text);

}  // namespace graphite
