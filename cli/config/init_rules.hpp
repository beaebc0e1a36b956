#pragma once

#include <string>
#include <string_view>

#include "cli/config/init.hpp"

namespace graphite {

/// The rules that fit what a folder holds, with comments; those that not every project would want as comments
/// only. Built-in transforms are proposed by what they declare.
///
/// Active where the files are sources by their format or by what lies beside them. Where texts of the folder
/// name such files, a program loads them by these names: then the rule is a comment. Pure.
std::string rules_text_for(const folder_survey& survey);

/// The transform that makes or takes files of this extension (with its dot) and names what it makes by the
/// stem alone; empty where there is none. O(transforms).
std::string_view product_of_extension(std::string_view extension);

/// "1 file", "2 files".
std::string count_of(std::size_t count, std::string_view what);

}  // namespace graphite
