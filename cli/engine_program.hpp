#pragma once

#include <string>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// The heavy part of GRAPHITE: the program `graphite-engine` beside `graphite`, or what GRAPHITE_ENGINE
/// names.
///
/// Its libraries (actors, stores, sockets) take over 10 ms to load, so the commands that only ask a running
/// service must not link them: `graphite` is small and becomes `graphite-engine` where a command needs it.
std::string engine_program();

/// Becomes engine_program() with the same arguments. Returns only where that failed. Errors: not_found, io.
error become_engine(const std::vector<std::string>& arguments);

}  // namespace graphite
