#pragma once

#include <string>

#include "core/error.hpp"

namespace graphite {

/// All of a file of /proc or /sys, whose size is not told beforehand. Errors: not_found, permission_denied,
/// io; too_large over 16 MiB.
result<std::string> read_kernel_file(const std::string& path);

}  // namespace graphite
