#pragma once

#include <map>
#include <string>

namespace graphite {

/// The program that runs built-in transforms: what GRAPHITE_WORKER names; else `graphite-worker` beside the
/// running program, beside the library that this code is in, in `../bin` of either, or in PATH. Absolute; the
/// first of these places where there is none.
std::string worker_program();
/// The program that shuts commands in, `graphite-sandbox`, looked for in the same places;
/// GRAPHITE_SANDBOX_PROGRAM names another.
std::string sandbox_program();

/// The variables of this process.
std::map<std::string, std::string> caller_environment();

/// What a worker gets of the caller's `environment`: GRAPHITE_SIMD, and the sanitizers' settings.
std::map<std::string, std::string> worker_environment(const std::map<std::string, std::string>& environment);

}  // namespace graphite
