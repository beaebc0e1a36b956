#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"

namespace graphite {

/// Finds the file that execve() is to run: `program` below `working_folder` where it has a `/`, otherwise
/// in the folders of `path`. Errors: not_found, permission_denied (it is there but not executable); the
/// context names the program and every place that was looked at.
result<std::string> look_up_program(std::string_view program, std::string_view path,
                                    std::string_view working_folder);

}  // namespace graphite
