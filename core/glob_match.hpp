#pragma once

#include <string_view>

namespace graphite {

/// Matches one component against `*`, `?` and classes. O(pattern · text) at worst: only the last star
/// is ever retried, which is enough because a later star subsumes an earlier one's choices.
bool match_component(std::string_view pattern, std::string_view text);

/// The same for whole paths, where a component `**` stands for any number of components.
bool match_path(std::string_view pattern, std::string_view path);

/// Whether some path below `folder` could match.
bool match_path_prefix(std::string_view pattern, std::string_view folder);

}  // namespace graphite
