#pragma once

#include "cli/config/project_file.hpp"
#include "core/error.hpp"

namespace graphite {

/// Whether a session could be opened with the project file as it is now: it has no mistakes, and the program
/// that runs the built-in transforms of its rules is there. Errors: as load_project(), and unsupported.
result<void> check_project(const load_options& where);

}  // namespace graphite
