#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// The shared libraries of this process whose files begin with NAME.so, by their file names, with a checksum
/// of their bytes in hexadecimal: what tells one build of a library from another. Reads whole files: some
/// milliseconds. Errors: not_found (a library that is not loaded), io.
result<std::map<std::string, std::string>> loaded_libraries(const std::vector<std::string_view>& names);

}  // namespace graphite
