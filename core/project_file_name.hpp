#pragma once

#include <string_view>

namespace graphite {

/// Looked for in a folder and those above it; at the root it is never a source.
inline constexpr std::string_view project_file_name = "graphite.toml";

}  // namespace graphite
