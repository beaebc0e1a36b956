#pragma once

#include "core/messages/control.hpp"

/// \file What parts of a control message take of it at most, encoded: whoever sends keeps within
/// control_limits::message_bytes_max by these. A message takes `message_frame_bytes` beside its parts. Pure,
/// O(what is in it); texts and bodies are not read.

namespace graphite::control {

inline constexpr std::size_t message_frame_bytes = 1 * KiB;
inline constexpr std::size_t stop_bytes = 64;

std::size_t bytes_of(const attempt_end& what);
std::size_t bytes_of(const recipe& what);
std::size_t bytes_of(const assignment& what);
/// Of an assignment of these.
std::size_t assignment_bytes(const logical_path& main_input, const std::vector<attempt_input>& inputs,
                             const std::vector<byte_vector>& bodies, const std::vector<output_name>& outputs);

}  // namespace graphite::control
