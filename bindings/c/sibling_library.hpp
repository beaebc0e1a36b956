#pragma once

#include <string>

#include "core/error.hpp"

namespace graphite::c_api {

/// Loads the library `name`, without "lib" and ".so", from beside this one, under its versioned name or that
/// which engines give to plugins, and finds `symbol` in it. It stays loaded for good. Errors: unsupported,
/// with what `purpose` needs.
result<void*> load_sibling(const std::string& name, const char* symbol, const char* purpose);

}  // namespace graphite::c_api
