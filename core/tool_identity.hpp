#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.hpp"
#include "core/ports/hasher.hpp"
#include "core/project.hpp"

namespace graphite {

/// \file What a tool is, apart from the machine it is found on.

/// One file of a tool with the SHA-256 of its bytes.
struct tool_file {
  std::string path;  ///< as the project file names it, so that equal tools in other places are equal
  digest bytes;
};

/// The identity of a `content` tool: name, and its files in the order of the project file.
digest content_tool_identity(const tool_spec& spec, std::span<const tool_file> files, const hasher& hash);

/// The identity of a `machine` tool: name, version argv, and what that printed on both streams. Trailing
/// white space of lines does not count.
digest machine_tool_identity(const tool_spec& spec, std::string_view out, std::string_view err,
                             const hasher& hash);

}  // namespace graphite
