#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "transforms/built_in.hpp"

namespace graphite {

/// The built-in transforms, ascending by name: the list in transforms/CMakeLists.txt. Links none of their
/// libraries.
const std::vector<const transform_description*>& built_in_transforms();

/// Null where there is none of that name.
const transform_description* find_built_in(std::string_view name);

/// What the built-in transform of this name does; null where there is none. In the library
/// graphite_transform_code, which links what the transforms decode and encode with.
transform_function built_in_function(std::string_view name);

/// What a transform uses of libraries that are part of the program, by name, with their versions. In
/// graphite_transform_code.
std::map<std::string, std::string> static_libraries(std::string_view transform);

/// Fills the tables that libraries make when `transform` is first used, so that forked processes have them:
/// the shader compiler's for Vulkan take longer to make than most shaders to compile. Results are the same
/// without. Nothing for other names. In graphite_transform_code.
void warm_up_transform(std::string_view transform);

}  // namespace graphite
