#pragma once

#include <string_view>

namespace graphite {

/// A file system type (statfs f_type) that does not report remote changes: its name, or empty.
std::string_view network_file_system(long f_type);

}  // namespace graphite
