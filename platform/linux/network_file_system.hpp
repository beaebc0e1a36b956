#pragma once

#include <functional>
#include <string_view>

namespace graphite {

/// A file system type (statfs f_type) that does not report remote changes: its name, or empty.
std::string_view network_file_system(long f_type);
/// That an open folder is on, or empty. `type_of`: asked instead of the system, where there is one.
std::string_view network_file_system_of(int folder, const std::function<long(int folder)>& type_of);

}  // namespace graphite
