#pragma once

#include <string>
#include <vector>

#include "core/content.hpp"
#include "core/units.hpp"

/// \file What travels between a process that is kept and who has work for it, as core structs.
/// schemas/tools.capnp says what each field means.

namespace graphite {

inline constexpr std::size_t tool_message_bytes_max = 16 * MiB;
inline constexpr std::size_t tool_output_bytes_max = 64 * KiB;

struct tool_input {
  std::string path;
  content_ref content;
  bool operator==(const tool_input&) const = default;
};

struct tool_work {
  std::uint64_t id = 0;
  std::vector<std::string> arguments;
  std::string working_folder, temporary_folder;
  std::vector<tool_input> inputs;
  bool operator==(const tool_work&) const = default;
};

struct tool_answer {
  std::uint64_t id = 0;
  std::int32_t exit_code = 0;
  std::string output;
  bool operator==(const tool_answer&) const = default;
};

}  // namespace graphite
